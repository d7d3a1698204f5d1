//! Clients that leave, and clients that stay while the server is told to end.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use glimpse::engine::{Analysis, Limits, Payload, Ticket, Work};
use glimpse::error::Error;
use serde_json::json;
use support::{LONG, Process, Server, app_with, base64, picture, serving};

/// A worker that waits to be told to go on, and counts.
struct Counting {
    begun: Arc<AtomicUsize>,
    go_on: mpsc::Receiver<()>,
}

impl Work for Counting {
    fn run(&mut self, _: &Payload, _: &Ticket) -> Result<Analysis, Error> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.go_on.recv().unwrap();
        Err(Error::NotAnImage)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn work_for_clients_that_have_left_is_not_done() {
    let begun = Arc::new(AtomicUsize::new(0));
    let (go_on, go_on_receiver) = mpsc::channel();
    let limits = Limits { queue_depth: 100, timeout: LONG };
    let server = Server::with(app_with(vec![Counting { begun: begun.clone(), go_on: go_on_receiver }], limits)).await;
    let request = |text: &str| {
        let body = json!({ "base64Image": text }).to_string();
        format!("POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let mut stays = TcpStream::connect(server.address).unwrap();
    stays.write_all(request("stays").as_bytes()).unwrap();
    while begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let mut leaving: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for connection in &mut leaving {
        connection.write_all(request("leaves").as_bytes()).unwrap();
    }
    // Time for most of them to be waiting behind the first one before they go; the test holds without.
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::task::block_in_place(|| {
        for connection in &mut leaving {
            connection.shutdown(Shutdown::Write).unwrap();
            // The server has seen it when it closes its own side, without an answer.
            assert_eq!(connection.read(&mut [0]).unwrap_or(0), 0);
        }
    });
    // A connection is closed a moment before its request is dropped; the one thread answers this after both.
    assert_eq!(server.get("/health").await.status(), 200);
    let mut late = TcpStream::connect(server.address).unwrap();
    late.write_all(request("late").as_bytes()).unwrap();
    go_on.send(()).unwrap();
    go_on.send(()).unwrap();
    tokio::task::block_in_place(|| {
        for connection in [&mut stays, &mut late] {
            let mut status = [0; 12];
            connection.read_exact(&mut status).unwrap();
            assert_eq!(&status, b"HTTP/1.1 422");
        }
    });
    assert_eq!(begun.load(Ordering::SeqCst), 2, "work was begun for clients that had left");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_ctrl_c_finish_what_was_accepted() {
    for signal in ["TERM", "INT"] {
        let mut command = serving();
        command.args(["--workers", "1"]);
        let mut process = Process::start(command);
        let body = json!({ "base64Image": base64(&picture("coffee.png")) }).to_string();
        let client = reqwest::Client::new();
        let requests: Vec<_> = (0..20)
            .map(|_| {
                let request = client.post(process.url("/api/v1/analyze")).body(body.clone());
                tokio::spawn(async move { request.send().await.map(|response| response.status().as_u16()) })
            })
            .collect();
        // The first answer shows that the server is in the middle of them.
        assert_eq!(process.line()["status"], 200);
        process.signal(signal);
        let mut served = 0;
        for request in requests {
            // Whom the server had not read from by then may lose the connection; nobody gets half an answer.
            if let Ok(status) = request.await.unwrap() {
                assert_eq!(status, 200);
                served += 1;
            }
        }
        assert!(served > 0);
        // The log has a line for each request that the server has begun: 499 where no answer came of it.
        let mut log = String::new();
        tokio::task::block_in_place(|| process.lines.read_to_string(&mut log)).unwrap();
        let begun = 1 + log.lines().filter(|line| line.contains("\"message\":\"request\"")).count();
        assert_eq!(begun, served, "{signal}: an accepted request was lost:\n{log}");
        let status = tokio::task::block_in_place(|| process.child.wait()).unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}
