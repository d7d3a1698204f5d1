//! Tests of the documents: the README's tables against the code, and every path that a document names.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use clap::{Arg, CommandFactory};

use crate::config::CommandLine;

/// The README stays readable on a laptop without scrolling sideways.
const MAX_LINES: usize = 280;
const MAX_COLUMNS: usize = 130;

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "SECURITY.md",
    "benches/README.md",
    "models/README.md",
    "scripts/deploy/README.md",
    "tests/README.md",
    "tests/pictures/README.md",
    "web/README.md",
];

/// Folders all of whose files are committed, but for what fuzzing leaves. The others also hold what is built.
const COMMITTED: [&str; 4] = ["benches/", "scripts/", "src/", "tests/"];

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// The rows of all tables in a section of the README, without their heads. The section ends at the next heading.
pub(crate) fn rows(section: &str) -> Vec<Vec<String>> {
    let readme = read("README.md");
    let lines = readme.lines().skip_while(|line| line.trim_start_matches('#') != format!(" {section}"));
    let lines: Vec<_> = lines.skip(1).take_while(|line| !line.starts_with('#')).collect();
    let is_row = |line: &str| line.starts_with('|');
    let after_rule =
        |at: usize| lines[..at].iter().rev().take_while(|line| is_row(line)).any(|line| line.contains("---"));
    let rows = lines.iter().enumerate().filter(|(at, line)| is_row(line) && after_rule(*at));
    rows.map(|(_, line)| cells(line)).collect()
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Asserts that the README has written down what the code has, in any order.
pub(crate) fn assert_same<T: Ord + Debug>(written: impl Iterator<Item = T>, code: impl Iterator<Item = T>) {
    let (written, code): (BTreeSet<_>, BTreeSet<_>) = (written.collect(), code.collect());
    let missing: Vec<_> = code.difference(&written).collect();
    let wrong: Vec<_> = written.difference(&code).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "missing in the README: {missing:#?}\nwrong in the README: {wrong:#?}"
    );
}

/// The default of an option as its help states it, or `none`.
fn default(option: &Arg) -> String {
    if let [value] = option.get_default_values()
        && !option.is_hide_default_value_set()
    {
        return value.to_string_lossy().into_owned();
    }
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    let stated = help.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
    stated.map_or_else(|| "none".to_owned(), |(default, _)| default.to_owned())
}

#[test]
fn the_table_of_options_is_that_of_the_command_line() {
    let command = CommandLine::command();
    let options = command.get_arguments().filter(|option| option.get_id() != "help" && option.get_id() != "version");
    let options = options.map(|option| {
        let variable = option.get_env().unwrap_or_default().to_string_lossy().into_owned();
        [variable, format!("--{}", option.get_long().unwrap_or_default()), default(option)]
    });
    let written = rows("Configuration").into_iter().map(|row| [0, 1, 2].map(|cell| row[cell].replace('`', "")));
    assert_same(written, options);
}

#[test]
fn every_command_is_named() {
    let readme = read("README.md");
    let parser = CommandLine::command();
    for command in parser.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name) {
        assert!(readme.contains(&format!("`glimpse {command}`")), "glimpse {command}");
    }
}

#[test]
fn the_readme_fits_a_screen() {
    let lines = read("README.md").lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines, more than {MAX_LINES}");
    for document in DOCUMENTS {
        for (number, line) in (1..).zip(read(document).lines()) {
            assert!(line.chars().count() <= MAX_COLUMNS, "{document}:{number} is longer than {MAX_COLUMNS} characters");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in DOCUMENTS {
        let text = read(document);
        let folder = Path::new(document).parent().unwrap_or(Path::new(""));
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { PathBuf::from(document) } else { folder.join(path) };
            assert!(root().join(&path).exists(), "{document} links to {target}");
            let page = root().join(&path);
            let page = if page.is_dir() { page.join("README.md") } else { page };
            if !anchor.is_empty() {
                let page = std::fs::read_to_string(page).unwrap();
                assert!(anchors(&page).contains(anchor), "{document} links to {target}");
            }
        }
    }
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        kept.map(|it| if it == ' ' { '-' } else { it.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_file_that_is_named_exists() {
    for document in DOCUMENTS {
        let text = read(document);
        let code = text.split('`').skip(1).step_by(2);
        let words = code.flat_map(str::split_whitespace).filter(|word| COMMITTED.iter().any(|it| word.starts_with(it)));
        for path in words {
            assert!(root().join(path).exists(), "{document} names {path}");
        }
    }
}
