//! The life of a connection, through the executable: acceptance, keep-alive, eviction, drain.

mod ending;
mod heads;
mod idle;
mod unix;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{LONG, Process, base64, eventually, executable, picture, serving, temporary};

const SECOND: Duration = Duration::from_secs(1);
const GET: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST_GET: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn start(flags: &[&str]) -> Process {
    let mut command = serving();
    command.args(flags);
    Process::start(command)
}

fn connect(process: &Process) -> TcpStream {
    let connection = TcpStream::connect(process.address).unwrap();
    connection.set_read_timeout(Some(LONG)).unwrap();
    connection
}

/// Sends one request on a persistent connection and returns the head of the answer.
fn get(connection: &mut TcpStream) -> String {
    connection.write_all(GET).unwrap();
    let mut bytes = [0; 2000];
    let length = connection.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// The bytes that the server sends until it closes the connection.
fn until_closed(connection: &mut impl Read) -> Vec<u8> {
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match connection.read(&mut part) {
            Ok(0) => return answer,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the connection stays open"),
            // A reset also closes it.
            Err(_) => return answer,
        }
    }
}

fn send(process: &Process, request: &[u8]) -> String {
    let mut connection = connect(process);
    // The server may answer and close before it has received everything.
    let _ = connection.write_all(request);
    String::from_utf8_lossy(&until_closed(&mut connection)).into_owned()
}

fn health(address: &str) -> bool {
    let mut command = executable();
    command.args(["health", "--listen-addr", address]).stderr(Stdio::null());
    command.status().unwrap().success()
}

fn folder(name: &str) -> PathBuf {
    let path = temporary(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

// HTTP/2 frames.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0........";
const GOAWAY: u8 = 7;

/// A HEADERS frame for `GET path` on this stream. HPACK's static table encodes :method, :scheme and the name :path.
fn http2_get(stream: u8, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(b"\x41\x01x");
    [&[0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, stream], &block[..]].concat()
}

/// The type, the flags and the payload length of each complete frame.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, usize)> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, flags, _, _, _, _, rest @ ..] = bytes {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        frames.push((*kind, *flags, length));
        bytes = &rest[length.min(rest.len())..];
    }
    frames
}

fn has_goaway(bytes: &[u8]) -> bool {
    frames(bytes).iter().any(|(kind, _, _)| *kind == GOAWAY)
}

/// An HTTP/2 connection that has answered one request.
fn http2(process: &Process) -> TcpStream {
    let mut connection = connect(process);
    connection.write_all(&[PREFACE, &http2_get(1, "/livez")].concat()).unwrap();
    let mut answer = Vec::new();
    while !frames(&answer).iter().any(|(kind, flags, _)| matches!(kind, 0 | 1) && flags & 1 == 1) {
        let mut part = [0; 4096];
        let length = connection.read(&mut part).unwrap();
        assert_ne!(length, 0, "it is closed");
        answer.extend_from_slice(&part[..length]);
    }
    connection
}

/// Sends ten PINGs per second until the connection is closed.
fn ping(connection: &TcpStream) {
    let mut connection = connection.try_clone().unwrap();
    std::thread::spawn(move || {
        while connection.write_all(PING).is_ok() {
            sleep(SECOND / 10);
        }
    });
}
