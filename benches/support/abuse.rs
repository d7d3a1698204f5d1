//! Clients that disconnect or stop sending midway.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "what fails here fails the run")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Above the server's default timeout for the head of a request.
const HEAD_IS_LATE: Duration = Duration::from_secs(20);

/// An empty SETTINGS frame and a PING of HTTP/2 (RFC 9113, sections 6.5 and 6.7), and the type of GOAWAY.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const GOAWAY: u8 = 7;

const HEAD: &[u8] = b"POST /api/v1/analyze HTTP/1.1\r\nhost: localhost\r\n";

/// Opens a connection and closes it during the request or before the answer. `random` picks the way.
///
/// # Errors
/// The error of a connection that the server has closed first, which is legitimate.
pub async fn break_off(address: SocketAddr, request: &[u8], random: &mut impl FnMut() -> usize) -> io::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    match random() % 7 {
        0 => {}
        1 => socket.write_all(&HEAD[..random() % HEAD.len()]).await?,
        2 => socket.write_all(&request[..random() % request.len()]).await?,
        // A whole request whose answer is not read.
        3 => socket.write_all(request).await?,
        4 => {
            let chunked = [HEAD, b"transfer-encoding: chunked\r\n\r\n7\r\n{\"base6\r\nfff"].concat();
            socket.write_all(&chunked).await?;
        }
        5 => {
            let noise: Vec<u8> = (0..random() % 1000).map(|_| random().to_le_bytes()[0]).collect();
            socket.write_all(&noise).await?;
        }
        // The preface of HTTP/2, then a frame longer than the protocol allows.
        _ => socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x01\x04\0\0\0\x01").await?,
    }
    if random().is_multiple_of(2) {
        // Closes with RST instead of FIN.
        socket.set_zero_linger()?;
    }
    Ok(())
}

/// A connection of HTTP/2 that sends a PING a second and no request, until the server closes it. Returns whether the server
/// does, and says so before (GOAWAY).
pub async fn ping(address: SocketAddr) -> bool {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &SETTINGS[..]].concat()).await.unwrap();
    let mut frames = Vec::new();
    let pinging = async {
        let mut is_due = false;
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                read = socket.read_buf(&mut frames) => if !matches!(read, Ok(1..)) { return },
                _ = second.tick() => is_due = true,
            }
            if std::mem::take(&mut is_due) && socket.write_all(&PING).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(HEAD_IS_LATE, pinging).await.is_ok() && has_goaway(&frames)
}

fn has_goaway(mut frames: &[u8]) -> bool {
    while let [high, middle, low, kind, ..] = *frames {
        if kind == GOAWAY {
            return true;
        }
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        frames = frames.get(SETTINGS.len() + length..).unwrap_or_default();
    }
    false
}

/// Opens a connection, sends nothing or part of a head, and returns whether the server closes it in time.
pub async fn fall_silent(address: SocketAddr, random: &mut impl FnMut() -> usize) -> bool {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(&HEAD[..random() % HEAD.len()]).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(HEAD_IS_LATE, socket.read_to_end(&mut answer)).await.is_ok()
}
