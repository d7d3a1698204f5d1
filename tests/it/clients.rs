//! Clients that leave.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use glimpse::engine::{Analysis, Limits, Payload, Ticket, Work};
use glimpse::error::Error;
use serde_json::json;

use crate::support::{LONG, Server, app_with};

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
