//! HEIC and AVIF are decoded in a child process: what it may do, and what its end costs.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Process, analyze_body, answer, eventually, picture, root, serving};

const AVIF: &str = "avif_420_full.avif";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/fixtures/decode").join(name)).unwrap()
}

/// The children of a process, of all its threads (proc(5)).
fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let list = |task: PathBuf| std::fs::read_to_string(task.join("children")).unwrap_or_default();
    let lists: String = tasks.map(|task| list(task.unwrap().path())).collect();
    lists.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

fn end(process: u32) {
    let done = Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
    assert!(done.success());
}

/// A value of a process in /proc/PID/status.
fn status(process: u32, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

/// Sends `file` for analysis and returns the status.
async fn send(process: &Process, file: &[u8]) -> u16 {
    let request =
        reqwest::Client::new().post(process.url("/api/v1/analyze")).header("content-type", "application/json");
    answer(request.body(analyze_body(file)).send().await.unwrap()).await.0
}

/// The server with one worker.
fn start() -> Process {
    let mut command = serving();
    command.args(["--workers", "1"]);
    Process::start(command)
}

#[tokio::test]
async fn only_a_file_that_needs_one_starts_a_child() {
    let process = start();
    let server = process.child.id();
    assert_eq!(send(&process, &picture("coffee.jpg")).await, 200);
    assert!(children(server).is_empty());
    for _ in 0..3 {
        assert_eq!(send(&process, &fixture(AVIF)).await, 200);
        assert_eq!(children(server).len(), 1);
    }
}

#[tokio::test]
async fn a_child_that_was_ended_is_replaced() {
    let process = start();
    let server = process.child.id();
    assert_eq!(send(&process, &fixture(AVIF)).await, 200);
    let first = children(server);
    end(first[0]);
    assert_eq!(send(&process, &fixture(AVIF)).await, 200);
    let second = children(server);
    assert!(second.len() == 1 && second != first, "{first:?}, {second:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_signal_to_all_processes_does_not_end_a_child() {
    let process = start();
    assert_eq!(send(&process, &fixture(AVIF)).await, 200);
    let child = children(process.child.id())[0];
    for signal in ["-INT", "-TERM", "-HUP"] {
        assert!(Command::new("kill").args([signal, &child.to_string()]).status().unwrap().success());
    }
    assert_eq!(send(&process, &fixture(AVIF)).await, 200);
    assert_eq!(children(process.child.id()), [child]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_has_no_rights_and_ends_with_the_server() {
    let mut process = start();
    let server = process.child.id();
    assert_eq!(send(&process, &fixture(AVIF)).await, 200);
    let child = children(server)[0];
    // 2 is a filter (proc(5)).
    assert_eq!((status(child, "Seccomp").as_str(), status(child, "NoNewPrivs").as_str()), ("2", "1"));
    let files = std::fs::read_dir(format!("/proc/{child}/fd")).unwrap().count();
    assert_eq!(files, 3, "standard input, output and error");
    process.child.kill().unwrap();
    process.child.wait().unwrap();
    let is_gone =
        || std::fs::read_to_string(format!("/proc/{child}/status")).is_err() || status(child, "State").starts_with('Z');
    eventually("the child is gone", async || is_gone()).await;
}
