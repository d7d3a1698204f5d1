//! An HTTP client that takes little processor time from the server on the same machine: requests are built once, and only
//! the status and length of an answer are parsed.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, reason = "each bench uses its part")]

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// A request to analyze this picture.
pub fn analyze(picture: &[u8]) -> Vec<u8> {
    let body = format!(r#"{{"base64Image":"{}"}}"#, BASE64_STANDARD.encode(picture));
    let head = "POST /api/v1/analyze HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ";
    format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The same picture as the body itself.
pub fn file(picture: &[u8]) -> Vec<u8> {
    let head = "POST /api/v1/analyze HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/webp\r\ncontent-length: ";
    [format!("{head}{}\r\n\r\n", picture.len()).as_bytes(), picture].concat()
}

/// The same picture in the form of the page without JavaScript.
pub fn form(picture: &[u8]) -> Vec<u8> {
    let before = b"--x\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"a\"\r\n\r\n";
    let body = [before, picture, b"\r\n--x--\r\n"].concat();
    let head =
        "POST /answer HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: ";
    [format!("{head}{}\r\n\r\n", body.len()).as_bytes(), &body].concat()
}

/// A persistent connection that sends one request at a time.
pub struct Connection {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, read: Vec::new() })
    }

    /// Sends `request`, reads the whole answer and returns its status.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.socket.write_all(request).await?;
        self.read.clear();
        let (status, end) = loop {
            self.receive().await?;
            if let Some(answer) = parse(&self.read)? {
                break answer;
            }
        };
        while self.read.len() < end {
            self.receive().await?;
        }
        Ok(status)
    }

    /// The last answer, with its head.
    pub fn answer(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    async fn receive(&mut self) -> io::Result<()> {
        match self.socket.read_buf(&mut self.read).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The status and the offset of the body's end, or `None` while the head is incomplete.
fn parse(answer: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head]).map_err(io::Error::other)?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    match (status, length) {
        (Some(status), Some(length)) => Ok(Some((status, head + 4 + length))),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}
