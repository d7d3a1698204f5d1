//! Any bytes on a connection, which the server's own code serves: a whole answer with a status that is documented, or
//! none, and always an end.
#![no_main]

#[path = "stub.rs"]
mod stub;

use std::time::Duration;

use glimpse::config::Config;
use glimpse::doors::Doors;
use glimpse::server::lifecycle::Lifecycle;
use glimpse::server::{Peer, serve_stream};
use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Every status that can come without keys and quotas.
const STATUSES: [u16; 16] = [200, 206, 304, 400, 404, 405, 408, 412, 413, 414, 415, 416, 422, 431, 500, 503];

/// What begins HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Longer than an answer to a complete request takes, under a sanitizer too.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same where no answer may be due.
const SHORT: Duration = Duration::from_millis(20);

const MAX_HEADERS: usize = 128;

/// A server, and the threads that serve its connections: one, as libFuzzer expects.
struct Server {
    runtime: Runtime,
    doors: Doors,
    config: Config,
    lifecycle: Lifecycle,
}

impl Server {
    fn new() -> Self {
        let (doors, config, lifecycle) = stub::server();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, doors, config, lifecycle }
    }

    /// What comes back for `bytes`, to the end of the connection.
    async fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        // The whole input fits, so that writing it never waits.
        let (mut client, stream) = tokio::io::duplex(bytes.len().max(1 << 16));
        let (doors, limits, lifecycle) = (self.doors.clone(), self.config.connections, self.lifecycle.clone());
        let serving = tokio::spawn(async move { serve_stream(stream, Peer::Unix, doors, limits, &lifecycle).await });
        // It may have been answered and closed before its end.
        let _ = client.write_all(bytes).await;
        let mut answer = Vec::new();
        // A client that ends what it sends has left for the server, so the first answer is awaited before.
        let _ = timeout(patience(bytes), first_answer(&mut client, bytes, &mut answer)).await;
        let _ = client.shutdown().await;
        client.read_to_end(&mut answer).await.unwrap();
        serving.await.unwrap();
        answer
    }
}

/// How long an answer to `bytes` is awaited.
fn patience(bytes: &[u8]) -> Duration {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    let Ok(Status::Complete(length)) = request.parse(bytes) else { return SHORT };
    let announced = header(request.headers, "content-length").map_or(Some(0), |length| length.parse::<usize>().ok());
    let is_chunked = header(request.headers, "transfer-encoding").is_some();
    let is_there = announced.is_some_and(|announced| bytes.len() - length >= announced);
    if is_there && !is_chunked && !bytes.starts_with(PREFACE) { PATIENCE } else { SHORT }
}

/// Reads until the first answer is complete or the connection ends.
async fn first_answer(client: &mut DuplexStream, request: &[u8], answer: &mut Vec<u8>) {
    while !is_complete(request, answer) {
        if !matches!(client.read_buf(answer).await, Ok(1..)) {
            return;
        }
    }
}

fn header<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    header.and_then(|header| std::str::from_utf8(header.value).ok())
}

/// The status of the first answer that is not 100, the type and the length of its body, and what follows its head.
fn read_head(mut answer: &[u8]) -> Option<(u16, Option<String>, Option<usize>, &[u8])> {
    loop {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = Response::new(&mut headers);
        let Ok(Status::Complete(length)) = head.parse(answer) else { return None };
        answer = &answer[length..];
        let status = head.code?;
        if status != 100 {
            let content_type = header(head.headers, "content-type").map(str::to_owned);
            let length = header(head.headers, "content-length").map(|length| length.parse().unwrap());
            return Some((status, content_type, length, answer));
        }
    }
}

fn has_body(request: &[u8], status: u16) -> bool {
    status != 304 && !request.trim_ascii_start().starts_with(b"HEAD ")
}

fn is_complete(request: &[u8], answer: &[u8]) -> bool {
    match read_head(answer) {
        Some((status, _, Some(length), rest)) => rest.len() >= length || !has_body(request, status),
        Some((status, _, None, _)) => !has_body(request, status),
        None => false,
    }
}

/// Holds the first answer against what is promised.
fn check(request: &[u8], answer: &[u8]) {
    if answer.is_empty() || answer == b"HTTP/1.1 100 Continue\r\n\r\n" || request.starts_with(PREFACE) {
        return;
    }
    let (status, content_type, length, rest) = read_head(answer).expect("an answer without an end");
    assert!(STATUSES.contains(&status), "{status}");
    // To `/predict` a picture that can't be classified is a 500, as its contract has it.
    assert!(status != 500 || request.windows(8).any(|bytes| bytes == b"/predict"));
    if let Some(length) = length.filter(|_| has_body(request, status)) {
        let body = rest.get(..length).expect("the body is cut short");
        if content_type.as_deref() == Some("application/json") {
            serde_json::from_slice::<Value>(body).unwrap();
        }
    }
}

thread_local! {
    static SERVER: Server = Server::new();
}

fuzz_target!(|bytes: &[u8]| {
    SERVER.with(|server| {
        let answer = async { timeout(Duration::from_secs(20), server.answer(bytes)).await.expect("it does not end") };
        check(bytes, &server.runtime.block_on(answer));
    });
});
