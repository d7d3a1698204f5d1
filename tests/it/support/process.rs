//! The executable as a child process. Benchmarks include this file too.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The timeout of every wait: far above the time that any awaited event takes.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// The polling interval for the exit of a process.
const POLL: Duration = Duration::from_millis(5);

/// The folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The executable as a child. Killed when it is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    log: Receiver<String>,
    pub(crate) address: SocketAddr,
    /// The log line that reports readiness.
    pub(crate) ready: Value,
}

impl Process {
    /// Starts `command` and waits for the log line that reports readiness.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let log = read_lines(child.stdout.take().unwrap());
        let mut process = Self { child, log, address: (Ipv4Addr::UNSPECIFIED, 0).into(), ready: Value::Null };
        process.ready = process.line_of("ready");
        process.address = process.ready["address"].as_str().unwrap().parse().unwrap();
        process
    }

    /// The next line of its log.
    pub(crate) fn line(&self) -> Value {
        parse(&self.log.recv_timeout(LONG).expect("the log has no further line"))
    }

    /// The next line of its log whose message begins with `message`.
    pub(crate) fn line_of(&self, message: &str) -> Value {
        loop {
            let line = self.line();
            if line["message"].as_str().unwrap().starts_with(message) {
                return line;
            }
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the exit of the process. Returns its exit code and the rest of its log.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<Value>) {
        let deadline = Instant::now() + LONG;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(POLL);
        };
        (status.code(), self.log.iter().map(|line| parse(&line)).collect())
    }

    /// Sends SIGTERM and waits for the exit. Returns the rest of the log.
    pub(crate) fn stop(self) -> Vec<Value> {
        self.signal("TERM");
        let (code, log) = self.ended();
        assert_eq!(code, Some(0));
        log
    }
}

#[allow(dead_code, reason = "benchmarks alone use these")]
impl Process {
    /// Discards its log from now on.
    pub(crate) fn ignore_log(&mut self) {
        self.log = channel().1;
    }

    /// Resident memory in bytes, or 0 on systems without /proc.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Open file descriptors, including connections, or 0 on systems without /proc.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines on a thread. It keeps reading after the receiver is dropped, because a full pipe would block the process.
fn read_lines(log: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("a log line that is not JSON: {line}"))
}

/// The executable under test, with an empty environment.
pub(crate) fn executable() -> Command {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_glimpse"));
    let path = std::env::var_os("GLIMPSE_EXECUTABLE").map_or(built, PathBuf::from);
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null());
    command
}

/// The executable, serving on a free port from the project's folder.
pub(crate) fn serving() -> Command {
    let mut command = executable();
    command.current_dir(root()).args(["--listen-addr", "127.0.0.1:0"]);
    command
}

/// A copy of the executable in `folder`.
///
/// Another process copies it. If this one did, a child of another test could inherit the descriptor that is open for
/// writing, and Linux refuses to execute such a file (ETXTBSY).
#[cfg(feature = "embed")]
pub(crate) fn copy_executable(folder: &Path) -> PathBuf {
    let copy = folder.join("glimpse");
    assert!(Command::new("cp").arg(executable().get_program()).arg(&copy).status().unwrap().success());
    copy
}

/// The exit code, standard output and standard error of a command. Kills a command that does not exit in time.
pub(crate) fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + LONG;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
    let _ = child.kill();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The error message of a failed start.
pub(crate) fn refused(command: &mut Command) -> String {
    let (code, _, sentence) = output(command);
    assert_eq!(code, Some(1), "{sentence}");
    assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
    assert!(!sentence.contains("panicked"), "{sentence}");
    sentence
}
