//! The log of the executable when standard output is not read, is closed, or fails.
use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::{LONG, eventually, executable, root};
use serde_json::Value;

const DROPPED: &str = "glimpse_log_lines_dropped_total";

/// A server with a known address, so that its log need not be read.
struct Unread {
    child: Child,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Unread {
    async fn start(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>, variables: &[(&str, &str)]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = command(variables);
        command.env("LISTEN_ADDR", address.to_string()).stdout(stdout).stderr(stderr);
        let server = Self { child: command.spawn().unwrap(), address, client: reqwest::Client::new() };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < LONG, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let request = self.client.get(format!("http://{}{path}", self.address)).timeout(Duration::from_secs(20));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends requests until lines are dropped. Each request logs about 1 kB.
    async fn ask_until_lines_are_dropped(&self) {
        let path = format!("/api/{}", "a".repeat(1000));
        for _ in 0..2500 {
            assert_eq!(self.get(&path).await.0, 404);
        }
        assert_eq!(self.get("/livez").await.0, 200);
        assert!(self.dropped().await > 0);
    }

    async fn dropped(&self) -> u64 {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200);
        let line = text.lines().find_map(|line| line.strip_prefix(DROPPED)).unwrap();
        line.trim().parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn end(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = executable();
    command.current_dir(root()).envs(variables.iter().copied());
    command
}

fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the process does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A full pipe.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    // 64 kB on Linux, 16 kB on macOS, where it grows.
    writer.write_all(&b"\n".repeat(1 << 16)).unwrap();
    (reader, writer)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_pipe_only_loses_lines() {
    for format in ["json", "text"] {
        let (_reader, writer) = full_pipe();
        let mut server = Unread::start(writer, Stdio::inherit(), &[("LOG_FORMAT", format)]).await;
        server.ask_until_lines_are_dropped().await;
        server.signal("TERM");
        assert_eq!(server.end().code(), Some(0), "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_come_once_the_pipe_is_read() {
    let (mut reader, writer) = full_pipe();
    let mut server = Unread::start(writer, Stdio::inherit(), &[]).await;
    server.ask_until_lines_are_dropped().await;
    let dropped = server.dropped().await;
    let reading = std::thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        log
    });
    // The writer reports lost lines after the first batch that it can write.
    assert_eq!(server.get("/livez").await.0, 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    let log = reading.join().unwrap();
    let lines = log.trim_start().lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let last = lines.last().unwrap();
    assert_eq!(last["message"], "stopped", "{last}");
    let told = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("log lines were dropped"));
    // The lines of the last requests may have been dropped after they were answered.
    let told = told.unwrap()["lines"].as_u64().unwrap();
    assert!((dropped..=dropped + 2).contains(&told), "{told} of {dropped}");
    assert!(lines.is_sorted_by_key(|line| line["time"].as_str().unwrap()), "the lines are not in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_whose_reader_is_gone() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut server = Unread::start(writer, Stdio::inherit(), &[]).await;
    for _ in 0..100 {
        assert_eq!(server.get("/livez").await.0, 200);
    }
    assert!(server.dropped().await > 50);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut server = Unread::start(full, Stdio::inherit(), &[]).await;
    for _ in 0..100 {
        assert_eq!(server.get("/livez").await.0, 200);
    }
    eventually("lines are counted as dropped", async || server.dropped().await > 50).await;
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_that_does_not_read_delays_nothing() {
    let path = std::env::temp_dir().join(format!("glimpse-notify-{}", std::process::id()));
    let _manager = UnixDatagram::bind(&path).unwrap();
    let filling = UnixDatagram::unbound().unwrap();
    filling.connect(&path).unwrap();
    filling.set_nonblocking(true).unwrap();
    while filling.send(b"x").is_ok() {}
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let mut server = Unread::start(Stdio::null(), Stdio::inherit(), &variables).await;
    assert_eq!(server.get("/livez").await.0, 200);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    std::fs::remove_file(path).unwrap();
}

/// The case of `glimpse 2>&1 | reader` with a reader that hangs.
#[tokio::test(flavor = "multi_thread")]
async fn an_unread_standard_error_does_not_delay_the_exit() {
    let (_reader, writer) = full_pipe();
    let variables = [("SHUTDOWN_DELAY", "1m")];
    let mut server = Unread::start(writer.try_clone().unwrap(), writer, &variables).await;
    server.signal("TERM");
    while server.get("/readyz").await.0 == 200 {}
    server.signal("TERM");
    assert!(!server.end().success());

    let (_reader, writer) = full_pipe();
    let mut child = command(&[("MODEL_PATH", "nowhere.onnx")]).stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    assert_eq!(wait(&mut child).code(), Some(1));
}
