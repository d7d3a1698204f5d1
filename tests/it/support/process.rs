//! The executable as a child, for whoever asks what becomes of the whole process.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each user needs its own part of this"
)]

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The executable, as a child in an empty environment; killed when it is dropped.
pub struct Process {
    pub child: Child,
    pub address: SocketAddr,
    pub ready: Value,
    pub lines: Box<dyn BufRead + Send>,
}

impl Process {
    /// Starts it and waits until it says that it is ready.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines: Box<dyn BufRead + Send> = Box::new(BufReader::new(child.stdout.take().unwrap()));
        let ready = loop {
            let line = next_line(&mut lines);
            if line["message"] == "ready" {
                break line;
            }
        };
        let address = ready["address"].as_str().unwrap().parse().unwrap();
        Self { child, address, ready, lines }
    }

    /// The next line of its log.
    pub fn line(&mut self) -> Value {
        next_line(&mut self.lines)
    }

    /// Throws its log away from here on: a pipe that nobody reads stops who writes to it.
    pub fn ignore_log(&mut self) {
        let mut lines = std::mem::replace(&mut self.lines, Box::new(io::empty()));
        std::thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Resident memory, in bytes; nothing where the system does not tell.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Open files, connections among them; nothing where the system does not tell.
    pub fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_line(lines: &mut impl BufRead) -> Value {
    let mut line = String::new();
    assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the log ended");
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("a log line that is not JSON: {line}"))
}

/// The executable under test, with an empty environment.
pub fn executable() -> Command {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_glimpse"));
    let path = std::env::var_os("GLIMPSE_EXECUTABLE").map_or(built, PathBuf::from);
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null());
    command
}

/// A copy of the executable in `folder`.
///
/// By another process: a file that this one has open for writing, which a child of another test may have
/// inherited by then, can't be executed.
pub fn copy_executable(folder: &Path) -> PathBuf {
    let copy = folder.join("glimpse");
    assert!(Command::new("cp").arg(executable().get_program()).arg(&copy).status().unwrap().success());
    copy
}

/// The executable, serving on a free port from the project's folder.
pub fn serving() -> Command {
    let mut command = executable();
    command.current_dir(root()).args(["--listen-addr", "127.0.0.1:0"]);
    command
}
