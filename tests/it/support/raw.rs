//! A client that sends raw bytes, for requests that no HTTP client sends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::LONG;

/// Above the number of headers of any response.
const MAX_HEADERS: usize = 64;

/// The head of an HTTP/1.1 request. `line` is its method and path.
pub(crate) fn head(line: &str, headers: &[&str]) -> String {
    let line = format!("{line} HTTP/1.1");
    [&[&*line, "Host: x"], headers, &["", ""]].concat().join("\r\n")
}

/// The head of a request to `/api/v1/analyze`.
pub(crate) fn analyze(headers: &[&str]) -> String {
    head("POST /api/v1/analyze", headers)
}

/// A response with a Content-Length.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Keyed by lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    /// Splits a complete response off the start of `bytes`.
    fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let Status::Complete(head_length) = head.parse(bytes).unwrap() else { return None };
        let status = head.code.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers: BTreeMap<_, _> =
            head.headers.iter().map(|header| (header.name.to_lowercase(), text(header.value))).collect();
        let body_length = match status {
            100..200 | 204 | 304 => 0,
            _ => headers["content-length"].parse().unwrap(),
        };
        let end = head_length + body_length;
        let body = text(bytes.get(head_length..end)?);
        bytes.drain(..end);
        Some(Self { status, headers, body })
    }
}

/// A TCP connection to a server.
pub(crate) struct Connection {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    /// Bytes read beyond the last response.
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        Self { reader, writer, received: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(LONG, self.writer.write_all(bytes.as_ref())).await.expect("the server reads nothing").unwrap();
    }

    /// Shuts the sending side down, like a client that disconnects.
    pub(crate) async fn end_sending(&mut self) {
        self.writer.shutdown().await.unwrap();
    }

    /// Leaves, and waits until the server has seen it and closed its side without an answer.
    pub(crate) async fn until_left(mut self) {
        self.end_sending().await;
        assert_eq!(self.until_closed().await, "");
    }

    /// Reads one response.
    pub(crate) async fn response(&mut self) -> Response {
        read_response(&mut self.reader, &mut self.received).await
    }

    /// Reads one response while a task sends `bytes` again and again, with `pause` in between. The task ends when the
    /// server closes the connection.
    pub(crate) async fn response_while_sending(self, bytes: Vec<u8>, pause: Duration) -> (Response, JoinHandle<()>) {
        let Self { mut reader, mut writer, mut received } = self;
        let sending = tokio::spawn(async move {
            while writer.write_all(&bytes).await.is_ok() {
                sleep(pause).await;
            }
        });
        (read_response(&mut reader, &mut received).await, sending)
    }

    /// The bytes that the server sends until it closes or resets the connection.
    pub(crate) async fn until_closed(mut self) -> String {
        let rest = timeout(LONG, self.reader.read_to_end(&mut self.received)).await;
        // A reset also ends it.
        let _ = rest.expect("the connection stays open");
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

async fn read_response(reader: &mut OwnedReadHalf, received: &mut Vec<u8>) -> Response {
    loop {
        if let Some(response) = Response::take(received) {
            return response;
        }
        let length = timeout(LONG, reader.read_buf(received)).await.expect("no response").unwrap();
        assert_ne!(length, 0, "the connection is closed in the middle of a response: {received:?}");
    }
}
