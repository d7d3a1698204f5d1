//! The beginning and the end: readiness, signals, and what becomes of requests meanwhile.

use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use glimpse::engine::{Analysis, Limits, Payload, Ticket, Work};
use glimpse::error::{Error, StartError};
use glimpse::lifecycle::Phase;
use serde_json::json;

use crate::support::{LONG, Process, Server, answer, app_with, base64, picture, serving};

#[tokio::test]
async fn alive_and_ready() {
    let server = Server::start().await;
    assert_eq!(answer(server.get("/livez").await).await, (200, json!({ "status": "ok" })));
    assert_eq!(answer(server.get("/readyz").await).await, (200, json!({ "status": "ready" })));
    server.lifecycle.advance(Phase::Leaving);
    assert_eq!(answer(server.get("/readyz").await).await, (503, json!({ "status": "stopping" })));
    assert_eq!(server.get("/livez").await.status(), 200);
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
}

/// A worker that panics, and is replaced when it may be.
struct Frail {
    may_be_renewed: Arc<AtomicBool>,
    renewed: Arc<AtomicUsize>,
}

impl Work for Frail {
    fn run(&mut self, _: &Payload, _: &Ticket) -> Result<Analysis, Error> {
        assert!(self.renewed.load(Ordering::SeqCst) > 0, "as the test asks");
        Err(Error::NotAnImage)
    }

    fn renew(&mut self) -> Result<(), StartError> {
        if !self.may_be_renewed.load(Ordering::SeqCst) {
            return Err(StartError::new("Not yet."));
        }
        self.renewed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_panics_is_replaced_and_missed_until_then() {
    let (may_be_renewed, renewed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let worker = Frail { may_be_renewed: may_be_renewed.clone(), renewed: renewed.clone() };
    let server = Server::with(app_with(vec![worker], Limits { queue_depth: 4, timeout: LONG })).await;
    assert_eq!(server.get("/readyz").await.status(), 200);
    assert_eq!(server.analyze(b"x").await.status(), 500);
    let missing = (503, json!({ "status": "a worker is missing" }));
    while answer(server.get("/readyz").await).await != missing {}
    may_be_renewed.store(true, Ordering::SeqCst);
    // Waits for the new worker.
    assert_eq!(server.analyze(b"x").await.status(), 422);
    assert_eq!(server.get("/readyz").await.status(), 200);
    assert_eq!(renewed.load(Ordering::SeqCst), 1);
}

/// Clients that send one request after the other on connections that they keep.
struct Load {
    answered: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

fn load(process: &Process, clients: usize) -> Load {
    let answered = Arc::new(AtomicUsize::new(0));
    let body = json!({ "base64Image": base64(&picture("coffee.jpg")) }).to_string();
    let clients = (0..clients).map(|_| {
        let (url, body, answered) = (process.url("/api/v1/analyze"), body.clone(), answered.clone());
        tokio::spawn(async move {
            let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
            loop {
                match client.post(&url).body(body.clone()).send().await {
                    Ok(response) => {
                        let (status, _) = answer(response).await;
                        if status != 200 {
                            return Err(format!("status {status}"));
                        }
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                    // Nobody listens any more: that request was not accepted.
                    Err(error) if error.is_connect() => return Ok(()),
                    Err(error) => return Err(format!("{error:?}")),
                }
            }
        })
    });
    Load { clients: clients.collect(), answered }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_not_one_request() {
    for signal in ["TERM", "INT"] {
        let mut command = serving();
        command.args(["--log-level", "info"]);
        let mut process = Process::start(command);
        let load = load(&process, 16);
        while load.answered.load(Ordering::SeqCst) < 50 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        process.signal(signal);
        for client in load.clients {
            assert_eq!(client.await.unwrap(), Ok(()), "{signal}: a request was lost");
        }
        let mut log = String::new();
        tokio::task::block_in_place(|| process.lines.read_to_string(&mut log)).unwrap();
        let served = log.lines().filter(|line| line.contains("\"message\":\"request\"")).count();
        assert_eq!(served, load.answered.load(Ordering::SeqCst), "{signal}");
        assert!(!log.contains("\"status\":499"), "{log}");
        let status = tokio::task::block_in_place(|| process.child.wait()).unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_ready_first_and_closed_after_the_delay() {
    let mut command = serving();
    command.args(["--shutdown-delay", "2s"]);
    let mut process = Process::start(command);
    process.signal("TERM");
    while process.line()["message"] != "stopping: not ready any more" {}
    // A new connection, which is still accepted.
    let response = reqwest::get(process.url("/readyz")).await.unwrap();
    assert_eq!(answer(response).await, (503, json!({ "status": "stopping" })));
    let status = tokio::task::block_in_place(|| process.child.wait()).unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(reqwest::get(process.url("/readyz")).await.unwrap_err().is_connect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let mut command = serving();
    command.args(["--shutdown-delay", "1h"]);
    let mut process = Process::start(command);
    process.signal("TERM");
    while process.line()["message"] != "stopping: not ready any more" {}
    process.signal("TERM");
    let status = tokio::task::block_in_place(|| process.child.wait()).unwrap();
    assert_eq!(status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_is_cut_off() {
    let mut command = serving();
    command.args(["--shutdown-timeout", "1s"]);
    let mut process = Process::start(command);
    let mut connection = std::net::TcpStream::connect(process.address).unwrap();
    let head = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    std::io::Write::write_all(&mut connection, head).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    process.signal("TERM");
    let status = tokio::task::block_in_place(|| process.child.wait()).unwrap();
    assert_eq!(status.code(), Some(0));
    let mut log = String::new();
    process.lines.read_to_string(&mut log).unwrap();
    assert!(log.contains("some connections were still open and are cut off"), "{log}");
}

#[test]
fn the_service_manager_is_told() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("notify.socket");
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut message = [0; 100];
        while let Ok(length) = socket.recv(&mut message) {
            let _ = sender.send(String::from_utf8_lossy(&message[..length]).into_owned());
        }
    });
    let mut command = serving();
    command.env("NOTIFY_SOCKET", &path);
    let process = Process::start(command);
    assert_eq!(receiver.recv_timeout(LONG).unwrap().trim(), "READY=1");
    process.signal("TERM");
    assert_eq!(receiver.recv_timeout(LONG).unwrap().trim(), "STOPPING=1");
}
