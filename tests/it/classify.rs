//! `glimpse classify`: files and folders in, labels out.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::onnx::quarters;
use crate::support::{Builder, Server, executable, output, picture, root, temporary};

pub(crate) fn classify(arguments: &[&str]) -> Command {
    let mut command = executable();
    command.current_dir(root()).arg("classify").args(arguments);
    command
}

/// The exit code, the lines of standard output, and standard error.
pub(crate) fn run(arguments: &[&str]) -> (i32, Vec<String>, String) {
    let (code, out, errors) = output(&mut classify(arguments));
    (code.unwrap(), out.lines().map(str::to_owned).collect(), errors)
}

/// A folder with pictures of these names.
pub(crate) fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = temporary(name);
    for (file, content) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn objects(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn files(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["file"].as_str().unwrap()).collect()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn the_answers_are_the_servers_in_the_order_given() {
    let names = ["tests/pictures/rocket.jpg", "tests/pictures/chelsea_phone.jpg", "tests/pictures/coffee.gif"];
    let (code, lines, errors) = run(&[&["--format", "ndjson", "-k", "5"], &names[..]].concat());
    assert_eq!((code, errors.as_str()), (0, ""));
    let objects = objects(&lines);
    assert_eq!(files(&objects), names);
    let server = Server::start().await;
    for (name, object) in names.iter().zip(&objects) {
        let file = picture(name.rsplit('/').next().unwrap());
        let response = server.client.post(server.url("/api/v1/analyze?top_k=5")).body(file).send().await.unwrap();
        assert_eq!(object["predictions"], response.json::<Value>().await.unwrap(), "{name}");
    }
}

#[test]
fn a_folder_is_its_pictures_by_name() {
    let (cat, cup) = (picture("chelsea.png"), picture("coffee.jpg"));
    let files: [(&str, &[u8]); 6] = [
        ("b.JPG", &cup),
        ("a.png", &cat),
        ("notes.txt", b"no picture"),
        (".hidden.png", &cat),
        ("further/c.jpg", &cup),
        ("z.png", &cat),
    ];
    let folder = folder("classify-folder", &files);
    let named = |names: &[&str]| names.iter().map(|name| format!("{}/{name}", text(&folder))).collect::<Vec<_>>();
    let found = |arguments: &[&str]| {
        let (code, lines, _) = run(arguments);
        assert_eq!(code, 0);
        super::classify::files(&objects(&lines)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(&["-f", "ndjson", text(&folder)]), named(&["a.png", "b.JPG", "z.png"]));
    let all = named(&["a.png", "b.JPG", "further/c.jpg", "z.png"]);
    assert_eq!(found(&["-f", "ndjson", "--recursive", text(&folder)]), all);
}

#[test]
fn broken_files_are_named_and_do_not_stop_the_rest() {
    let cat = picture("chelsea.png");
    let folder =
        folder("classify-broken", &[("a.png", &cat), ("b.png", b"no picture"), ("c.png", &cat[..cat.len() / 2])]);
    let (code, lines, errors) = run(&["-f", "ndjson", text(&folder), "tests/pictures/coffee.jpg", "/nowhere.png"]);
    assert_eq!((code, lines.len()), (1, 2));
    for sentence in [
        "/b.png: The data is not an image: send JPEG",
        "/c.png: The image is damaged or incomplete",
        "/nowhere.png: it can't be read: No such file",
    ] {
        assert!(errors.contains(sentence), "{errors}");
    }
    assert_eq!(errors.lines().count(), 3, "{errors}");
    let (code, lines, errors) = run(&[text(&folder.join("b.png"))]);
    assert_eq!((code, lines.len(), errors.lines().count()), (2, 0, 1));
    let empty = temporary("classify-empty");
    fs::create_dir_all(&empty).unwrap();
    let (code, _, errors) = run(&[text(&empty)]);
    assert!(code == 2 && errors.contains("There are no pictures"), "{code} {errors}");
}

#[test]
fn an_option_that_can_not_be_used_is_named() {
    for (arguments, sentence) in [
        (&["-k", "1001"][..], "--top-k must be a whole number from 1 to 1000"),
        (&["--min-confidence", "2"], "--min-confidence must be a number from 0 to 1"),
        (&["--model", "/nowhere.onnx"], "The model /nowhere.onnx can't be read"),
        (&["--files-from", "/nowhere"], "The list of files /nowhere can't be read"),
        (&["--resume", "/nowhere"], "/nowhere can't be resumed"),
        (&["--resume", "README.md"], "README.md can't be resumed: it is not the JSON"),
        (&["--server", "ftp://host"], "expected a URL"),
        (&["--server", "http://127.0.0.1:1"], "The server at http://127.0.0.1:1 can't be used"),
        (&["--null"], "--files-from"),
    ] {
        let (code, lines, errors) = run(&[&["tests/pictures/chelsea.png"], arguments].concat());
        assert_eq!((code, lines.len()), (2, 0), "{arguments:?}");
        assert!(errors.contains(sentence), "{arguments:?}: {errors}");
    }
}

#[test]
fn every_form_has_every_picture() {
    let names = ["tests/pictures/chelsea.png", "tests/pictures/coffee.jpg"];
    let of = |form| run(&[&["-k", "2", "-f", form], &names[..]].concat()).1;
    let ndjson = of("ndjson");
    let json: Vec<Value> = serde_json::from_str(&of("json").join("\n")).unwrap();
    assert_eq!(json, objects(&ndjson));
    for (form, delimiter) in [("csv", ","), ("tsv", "\t")] {
        let lines = of(form);
        assert_eq!(lines[0], ["file", "label_1", "confidence_1", "label_2", "confidence_2"].join(delimiter));
        for (line, object) in lines[1..].iter().zip(&json) {
            let predictions = object["predictions"].as_array().unwrap();
            let mut expected = object["file"].as_str().unwrap().to_owned();
            for prediction in predictions {
                let label = prediction["label"].as_str().unwrap();
                write!(expected, "{delimiter}{label}{delimiter}{}", prediction["confidence"]).unwrap();
            }
            assert_eq!(*line, expected);
        }
    }
    let table = of("table");
    assert!(table.len() == 2 && table[0].contains("chelsea.png") && table[0].contains("Egyptian_cat"), "{table:?}");
    assert_eq!(
        run(&["-f", "json", "--min-confidence", "1", names[0]]).1.join(""),
        format!("[{{\"file\":\"{}\",\"predictions\":[]}}]", names[0])
    );
}

#[test]
fn standard_input_is_a_picture_or_a_list() {
    let mut command = classify(&["-f", "ndjson", "-"]);
    command.stdin(fs::File::open(root().join("tests/pictures/chelsea.png")).unwrap());
    let (code, out, _) = output(&mut command);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &object["file"], &object["predictions"][0]["label"]),
        (Some(0), &"-".into(), &"Egyptian_cat".into())
    );
    for (arguments, list) in [
        (&[][..], "tests/pictures/chelsea.png\r\n\ntests/pictures/coffee.jpg"),
        (&["--null"], "tests/pictures/chelsea.png\0tests/pictures/coffee.jpg\0"),
    ] {
        let mut command = classify(&[&["-f", "ndjson", "--files-from", "-"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success());
        assert_eq!(String::from_utf8(out.stdout).unwrap().lines().count(), 2, "{arguments:?}");
    }
}

#[test]
fn what_an_earlier_run_has_is_left_out() {
    let folder = temporary("classify-resume");
    fs::create_dir_all(&folder).unwrap();
    let names = ["tests/pictures/chelsea.png", "tests/pictures/coffee.jpg", "tests/pictures/rocket.jpg"];
    for form in ["json", "ndjson", "csv", "tsv"] {
        let whole = run(&[&["-f", form], &names[..]].concat()).1;
        let earlier = folder.join(form);
        // The first picture's line, and half of the second one's, as a run that was killed leaves them.
        let second = whole.iter().position(|line| line.contains(names[1])).unwrap();
        let cut = format!("{}\n{}", whole[..second].join("\n"), &whole[second][..whole[second].len() / 2]);
        fs::write(&earlier, &cut).unwrap();
        let (code, lines, _) = run(&[&["-f", form, "--resume", text(&earlier)], &names[..]].concat());
        let rest = lines.join("\n");
        assert_eq!(
            (code, rest.contains(names[0]), rest.contains(names[1]), rest.contains(names[2])),
            (0, false, true, true)
        );
        // The same file goes on: what was cut off is written anew, and there is one head.
        let mut command = classify(&[&["-f", form, "--resume", text(&earlier)], &names[..]].concat());
        let append = fs::OpenOptions::new().append(true).open(&earlier).unwrap();
        let (code, errors) = finished(command.stdout(append));
        if form == "json" {
            assert!(code == 2 && errors.contains("choose ndjson"), "{errors}");
            continue;
        }
        assert_eq!((code, fs::read_to_string(&earlier).unwrap()), (0, format!("{}\n", whole.join("\n"))));
        let (code, lines, _) = run(&[&["-f", form, "--resume", text(&earlier)], &names[..]].concat());
        assert_eq!((code, lines.iter().filter(|line| line.contains("tests/pictures")).count()), (0, 0));
        // Neither another form nor other columns go on in it.
        let (other, columns) = (if form == "ndjson" { "csv" } else { "ndjson" }, ["-f", form, "-k", "2"]);
        let sets: [&[&str]; 2] = [&["-f", other], &columns];
        for options in &sets[..if form == "ndjson" { 1 } else { 2 }] {
            let mut command = classify(&[options, &["--resume", text(&earlier)][..], &names[..]].concat());
            let append = fs::OpenOptions::new().append(true).open(&earlier).unwrap();
            let (code, errors) = finished(command.stdout(append));
            assert!(code == 2 && errors.contains("can't go on in the same file"), "{options:?} {errors}");
        }
    }
}

/// A number that was cut off looks like a whole one.
#[test]
fn a_last_line_without_its_end_counts_as_not_written() {
    let folder = folder("classify-cut", &[]);
    fs::create_dir_all(&folder).unwrap();
    let names = ["tests/pictures/chelsea.png", "tests/pictures/coffee.jpg"];
    for form in ["csv", "tsv", "ndjson"] {
        let whole = run(&[&["-f", form], &names[..]].concat()).1.join("\n");
        let earlier = folder.join(form);
        fs::write(&earlier, &whole[..whole.len() - usize::from(form != "ndjson")]).unwrap();
        let (code, lines, _) = run(&[&["-f", form, "--resume", text(&earlier)], &names[..]].concat());
        assert_eq!((code, lines.iter().filter(|line| line.contains("coffee.jpg")).count()), (0, 1), "{form}");
    }
}

/// The exit code and standard error of a command whose output goes elsewhere.
fn finished(command: &mut Command) -> (i32, String) {
    let out = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
}

#[test]
fn where_several_labels_may_be_right_the_answer_has_those_over_the_threshold() {
    let folder = folder("classify-quarters", &[("model.onnx", &quarters())]);
    // Bright above, dark below.
    let mut halves = image::RgbImage::new(64, 64);
    for (_, y, pixel) in halves.enumerate_pixels_mut() {
        pixel.0 = if y < 32 { [250; 3] } else { [5; 3] };
    }
    halves.save(folder.join("halves.png")).unwrap();
    let model = folder.join("model.onnx");
    let picture = folder.join("halves.png");
    let answer = |arguments: &[&str]| {
        let arguments = [&["-f", "ndjson", "--model", text(&model), text(&picture)], arguments].concat();
        let (code, lines, errors) = run(&arguments);
        assert_eq!((code, errors.as_str()), (0, ""));
        let object = objects(&lines).remove(0);
        let labels = object["predictions"].as_array().unwrap().iter();
        let mut labels: Vec<_> = labels.map(|it| it["label"].as_str().unwrap().to_owned()).collect();
        labels.sort();
        labels
    };
    assert_eq!(answer(&[]), ["label 0", "label 1"]);
    assert_eq!(answer(&["--min-confidence", "0"]).len(), 4);
    assert_eq!(answer(&["-k", "1"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_answers_instead_and_is_obeyed() {
    let names = ["tests/pictures/chelsea.png", "tests/pictures/coffee.jpg", "tests/pictures/rocket.jpg"];
    let here = run(&[&["-f", "ndjson"], &names[..]].concat()).1;
    // One request a second: the others are told when to come again.
    let server = Builder::default().flags(&["--rate-limit", "1", "--api-keys", "secret"]).start().await;
    let url = server.url("");
    let sent = ["-f", "ndjson", "--server", &url];
    let with_key = [&sent[..], &["--api-key", "secret"], &names].concat();
    let (code, there, errors) = tokio::task::block_in_place(|| run(&with_key));
    assert_eq!((code, errors.as_str(), there), (0, "", here));
    let (code, lines, errors) = tokio::task::block_in_place(|| run(&[&sent[..], &names[..1]].concat()));
    assert_eq!((code, lines.len()), (2, 0));
    assert!(errors.contains("An API key is required"), "{errors}");
}

#[test]
fn odd_names_stay_apart_and_harmless() {
    use std::os::unix::ffi::OsStrExt;
    let folder = temporary("classify-names");
    fs::create_dir_all(&folder).unwrap();
    let cat = picture("coffee.jpg");
    for name in [&b"a\xfe.jpg"[..], b"a\xff.jpg", b"new\nline.jpg", b"quote\",.jpg"] {
        fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), &cat).unwrap();
    }
    let (code, lines, _) = run(&["-f", "ndjson", text(&folder)]);
    let objects = objects(&lines);
    let names: Vec<_> = files(&objects).into_iter().map(|file| file.rsplit('/').next().unwrap()).collect();
    assert_eq!((code, names), (0, vec!["a\\xfe.jpg", "a\\xff.jpg", "new\nline.jpg", "quote\",.jpg"]));
    assert_eq!(run(&["-f", "table", text(&folder)]).1.len(), 4);
    let (code, lines, errors) = run(&[text(&folder.join("new\n\u{1b}thing.jpg"))]);
    assert_eq!((code, lines.len(), errors.lines().count()), (2, 0, 1));
    assert!(errors.contains("new\\n\\u{1b}thing.jpg"), "{errors}");
}

#[test]
fn an_option_before_the_command_is_not_ignored() {
    let (code, _, errors) = output(executable().args(["--workers", "1", "classify", "x.jpg"]));
    assert!(code == Some(2) && errors.contains("--workers must stand behind classify"), "{errors}");
    assert_eq!(
        output(classify(&["tests/pictures/coffee.jpg"]).env("API_KEY", "unused").env("WORKERS", "1")).0,
        Some(0)
    );
}

#[test]
fn the_command_line_describes_itself() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = output(executable().args(["completions", shell]));
        assert!(code == Some(0) && script.contains("files-from") && script.contains("listen-addr"), "{shell}");
    }
    let (code, page, _) = output(executable().arg("man"));
    assert_eq!(code, Some(0));
    for part in [".TH glimpse 1", ".SH OPTIONS", "COMMAND CLASSIFY", "LISTEN_ADDR", "files\\-from"] {
        assert!(page.contains(part), "{part}");
    }
}
