//! Who is let in, and how soon the others know.

use std::sync::mpsc;

use glimpse::engine::{Analysis, Budget, Limits, Payload, Ticket, Work};
use glimpse::error::Error;
use glimpse::http::{Access, App};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{LONG, Server, answer, app, app_with, base64, config, picture};

/// A worker that says when it begins and waits to be told to go on.
struct Held {
    begun: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

impl Work for Held {
    fn run(&mut self, _: &Payload, _: &Ticket) -> Result<Analysis, Error> {
        self.begun.send(()).unwrap();
        self.go_on.recv().unwrap();
        Err(Error::NotAnImage)
    }
}

struct Full {
    server: Server,
    go_on: mpsc::Sender<()>,
    held: tokio::task::JoinHandle<u16>,
}

/// A server whose only worker is taken, and that has no queue.
async fn full() -> Full {
    let (begun, has_begun) = mpsc::channel();
    let (go_on, go_on_receiver) = mpsc::channel();
    let limits = Limits { queue_depth: 0, timeout: LONG };
    let server = Server::with(app_with(vec![Held { begun, go_on: go_on_receiver }], limits)).await;
    let request =
        server.client.post(server.url("/api/v1/analyze")).body(json!({ "base64Image": "aGVsbG8=" }).to_string());
    let held = tokio::spawn(async move { request.send().await.unwrap().status().as_u16() });
    tokio::task::block_in_place(|| has_begun.recv_timeout(LONG)).unwrap();
    Full { server, go_on, held }
}

/// The head of the next answer on a connection.
async fn head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(LONG, connection.read_u8()).await.expect("no answer").unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_says_so_before_it_has_read_the_body() {
    let full = full().await;
    for path in ["/api/v1/analyze", "/answer"] {
        let mut connection = TcpStream::connect(full.server.address).await.unwrap();
        let content_type = if path == "/answer" { "multipart/form-data; boundary=x" } else { "application/json" };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: 1000000\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let answer = head(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{path}: {answer}");
    }
    full.go_on.send(()).unwrap();
    assert_eq!(full.held.await.unwrap(), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_on_reads_its_refusal_and_may_ask_again() {
    let full = full().await;
    let mut connection = TcpStream::connect(full.server.address).await.unwrap();
    let request = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n";
    connection.write_all(request).await.unwrap();
    // More than the system keeps for it: to write it all is to be read.
    connection.write_all(&vec![b' '; 3_000_000]).await.unwrap();
    assert!(head(&mut connection).await.starts_with("HTTP/1.1 503 "));
    let mut body = vec![0; json!({ "message": Error::Busy.to_string() }).to_string().len()];
    connection.read_exact(&mut body).await.unwrap();
    connection.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(head(&mut connection).await.starts_with("HTTP/1.1 200 "));
    full.go_on.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_for_another_reason_reads_it_too() {
    let access = Access::new(&config(&["--api-keys", "key"]).access).unwrap();
    let server = Server::with(App { access, max_body_bytes: 5_000_000, ..app() }).await;
    for (headers, status) in [
        ("Content-Type: application/json", "401"),
        ("X-API-Key: key\r\nContent-Type: text/plain", "415"),
        ("X-API-Key: key", "413"),
    ] {
        let mut connection = TcpStream::connect(server.address).await.unwrap();
        let request =
            format!("POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\n{headers}\r\nContent-Length: 6000000\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection.write_all(&vec![b' '; 6_000_000]).await.unwrap();
        let head = head(&mut connection).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_share_a_budget_and_leave_room_for_small_ones() {
    const MIB: usize = 1 << 20;
    let budget = Budget::new(8 * MIB);
    let server = Server::with(App { budget: budget.clone(), ..app() }).await;
    let mut sending = TcpStream::connect(server.address).await.unwrap();
    let request = format!("POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 6 * MIB);
    sending.write_all(request.as_bytes()).await.unwrap();
    sending.write_all(&vec![b' '; 5 * MIB]).await.unwrap();
    while budget.taken() < 5 * MIB {
        tokio::task::yield_now().await;
    }
    let large = json!({ "base64Image": "A".repeat(2 * MIB) }).to_string();
    let (status, body) = answer(server.post("/api/v1/analyze", large).await).await;
    assert_eq!((status, &body["message"]), (503, &json!("The server is busy: try again in a moment")));
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
    // Whoever leaves gives back what was his.
    drop(sending);
    while budget.taken() > 0 {
        tokio::task::yield_now().await;
    }
    let mut large = picture("coffee.jpg");
    large.resize(2 * MIB, 0);
    let body = json!({ "base64Image": base64(&large) }).to_string();
    assert_eq!(server.post("/api/v1/analyze", body).await.status(), 200);
    assert_eq!(budget.taken(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let budget = Budget::new(4 << 20);
    let server = Server::with(App { budget: budget.clone(), ..app() }).await;
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    let head_of_request = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write_all(head_of_request).await.unwrap();
    let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
    for _ in 0..64 {
        connection.write_all(&chunk).await.unwrap();
    }
    assert!(head(&mut connection).await.starts_with("HTTP/1.1 503 "));
    assert_eq!(budget.taken(), 0);
}
