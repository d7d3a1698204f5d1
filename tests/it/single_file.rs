//! The executable alone, in an empty folder and with an empty environment.

use std::path::PathBuf;
use std::process::Command;

#[cfg(target_os = "linux")]
use crate::support::seccomp;
use crate::support::{Process, analyze_body, copy_executable, executable, picture, temporary};

/// The size limit of the release executable in bytes.
const LARGEST: u64 = 60_000_000;

/// A copy of the executable in a folder that holds nothing else.
fn alone(name: &str) -> (PathBuf, Command) {
    let folder = temporary(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(copy_executable(&folder));
    command.env_clear().env("HOME", &folder).current_dir(&folder).args(["--listen-addr", "127.0.0.1:0"]);
    (folder, command)
}

async fn serves(process: &Process) {
    let body = analyze_body(&picture("rocket.jpg"));
    let response = reqwest::Client::new().post(process.url("/api/v1/analyze")).body(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: serde_json::Value = response.json().await.unwrap();
    assert_eq!(answer.as_array().unwrap().len(), 3);
    let page = reqwest::get(process.url("/")).await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("What is in the picture?"));
}

#[tokio::test]
async fn it_serves_from_an_empty_folder_and_writes_nothing() {
    let (folder, mut command) = alone("empty");
    // memfd_create makes a temporary file unnecessary.
    #[cfg(target_os = "linux")]
    command.env("TMPDIR", folder.join("nowhere"));
    serves(&Process::start(command)).await;
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["glimpse"], "it left files behind");
}

#[tokio::test]
async fn a_temporary_file_replaces_a_missing_memfd() {
    let (folder, mut command) = alone("temporary");
    let temporary = folder.join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    command.env("TMPDIR", &temporary);
    #[cfg(target_os = "linux")]
    without_memfd(&mut command);
    let process = Process::start(command);
    serves(&process).await;
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "it left files behind");
}

#[cfg(target_os = "linux")]
#[test]
fn without_memfd_and_without_a_temporary_folder_it_says_so() {
    let (folder, mut command) = alone("neither");
    command.env("TMPDIR", folder.join("nowhere"));
    without_memfd(&mut command);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.contains("TMPDIR") && sentence.trim_end().lines().count() == 1, "{sentence}");
}

/// Makes `memfd_create` fail in the child, as on an old kernel or in a sandbox.
#[cfg(target_os = "linux")]
fn without_memfd(command: &mut Command) {
    let calls = [(libc::SYS_memfd_create, Vec::new())].into_iter().collect();
    seccomp::filter(command, calls, seccompiler::SeccompAction::Errno(38));
}

/// Runs only if `GLIMPSE_EXECUTABLE` names the release executable, as in `scripts/test`. A test build has another size.
#[test]
fn it_is_small() {
    if std::env::var_os("GLIMPSE_EXECUTABLE").is_none() {
        return;
    }
    let size = std::fs::metadata(executable().get_program()).unwrap().len();
    assert!(size < LARGEST, "{size} bytes");
}
