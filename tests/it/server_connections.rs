//! Connections from their acceptance to their end, against the executable.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{LONG, Process, base64, executable, picture, serving};

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

/// One request on a connection that is kept, and the head of its answer.
fn get(connection: &mut TcpStream) -> String {
    connection.write_all(GET).unwrap();
    let mut bytes = [0; 2000];
    let length = connection.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// What the server sends until it closes the connection.
fn until_closed(connection: &mut impl Read) -> Vec<u8> {
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match connection.read(&mut part) {
            Ok(0) => return answer,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it stays open"),
            // A reset closes it as well.
            Err(_) => return answer,
        }
    }
}

fn send(process: &Process, request: &[u8]) -> String {
    let mut connection = connect(process);
    // The server may have answered and closed before it has all.
    let _ = connection.write_all(request);
    String::from_utf8_lossy(&until_closed(&mut connection)).into_owned()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "{what}");
        sleep(Duration::from_millis(20));
    }
}

fn exit_code(process: &mut Process) -> Option<i32> {
    process.ignore_log();
    let mut code = None;
    eventually("it does not end", || {
        code = process.child.try_wait().unwrap();
        code.is_some()
    });
    code.unwrap().code()
}

/// The next line of the log with this message.
fn line(process: &mut Process, message: &str) -> serde_json::Value {
    loop {
        let line = process.line();
        if line["message"].as_str().unwrap().starts_with(message) {
            return line;
        }
    }
}

fn health(address: &str) -> bool {
    let mut command = executable();
    command.args(["health", "--listen-addr", address]).stderr(Stdio::null());
    command.status().unwrap().success()
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

// HTTP/2, frame by frame.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0........";
const GOAWAY: u8 = 7;

/// `GET path` on this stream; :method, :scheme and :path by HPACK's static table.
fn http2_get(stream: u8, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(b"\x41\x01x");
    [&[0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, stream], &block[..]].concat()
}

/// The kind, the flags and the payload's length of each complete frame.
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

/// A connection on which a request has been answered.
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

/// Sends a PING ten times a second for as long as the connection takes it.
fn ping(connection: &TcpStream) {
    let mut connection = connection.try_clone().unwrap();
    std::thread::spawn(move || {
        while connection.write_all(PING).is_ok() {
            sleep(SECOND / 10);
        }
    });
}

#[test]
fn pings_do_not_keep_an_idle_http2_connection_open() {
    let process = start(&["--keep-alive-timeout", "2s"]);
    let mut connection = http2(&process);
    ping(&connection);
    let begun = Instant::now();
    assert!(has_goaway(&until_closed(&mut connection)), "closed without GOAWAY");
    assert!(begun.elapsed() > SECOND, "closed early");
}

#[test]
fn the_longest_idle_connection_makes_room_and_one_in_use_does_not() {
    let mut process = start(&["--max-connections", "4"]);
    let mut busy = connect(&process);
    let head = "POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{";
    busy.write_all(head.as_bytes()).unwrap();
    let mut pinging = http2(&process);
    ping(&pinging);
    let mut silent = connect(&process);
    let mut kept = connect(&process);
    assert!(get(&mut kept).starts_with("HTTP/1.1 200"));
    let address = process.address.to_string();
    assert!(health(&address) && health(&address), "no room");
    let mut later: Vec<TcpStream> = (0..3).map(|_| connect(&process)).collect();
    for connection in &mut later {
        assert!(get(connection).starts_with("HTTP/1.1 200"));
    }
    assert!(has_goaway(&until_closed(&mut pinging)));
    assert_eq!(until_closed(&mut silent), b"");
    assert_eq!(until_closed(&mut kept), b"");
    busy.write_all(b"}").unwrap();
    assert!(until_closed(&mut busy).starts_with(b"HTTP/1.1 400"), "the one in use was closed");
    process.signal("TERM");
    assert_eq!(exit_code(&mut process), Some(0));
}

#[test]
fn connections_in_use_are_not_evicted_and_the_next_waits() {
    let process = start(&["--max-connections", "2"]);
    let head = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{";
    let mut busy: Vec<TcpStream> = (0..2).map(|_| connect(&process)).collect();
    for connection in &mut busy {
        connection.write_all(head).unwrap();
    }
    sleep(SECOND);
    let mut waiting = connect(&process);
    waiting.write_all(LAST_GET).unwrap();
    waiting.set_read_timeout(Some(SECOND)).unwrap();
    assert_eq!(waiting.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    busy[1].write_all(b"}").unwrap();
    let mut answer = [0; 12];
    busy[1].read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    // That one is idle now.
    waiting.set_read_timeout(Some(LONG)).unwrap();
    assert!(until_closed(&mut waiting).starts_with(b"HTTP/1.1 200"));
}

#[test]
fn the_backlog_is_answered_at_the_end() {
    let mut process = start(&["--max-connections", "4"]);
    let mut idle: Vec<TcpStream> = (0..4).map(|_| connect(&process)).collect();
    for connection in &mut idle {
        assert!(get(connection).starts_with("HTTP/1.1 200"));
    }
    // What comes while it stands still waits in the kernel.
    process.signal("STOP");
    let mut waiting: Vec<TcpStream> = (0..20).map(|_| connect(&process)).collect();
    for connection in &mut waiting {
        connection.write_all(GET).unwrap();
    }
    process.signal("TERM");
    process.signal("CONT");
    for connection in &mut waiting {
        let answer = String::from_utf8(until_closed(connection)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(exit_code(&mut process), Some(0));
}

#[test]
fn a_second_signal_under_load_leaves_one_sentence() {
    let folder = folder("second_signal");
    let body = format!("{{\"base64Image\": \"{}\"}}", base64(&picture("coffee.jpg")));
    let head = format!("POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = [head.as_bytes(), body.as_bytes()].concat();
    for (run, pause) in [3, 5, 8, 13].into_iter().enumerate() {
        let errors = folder.join(run.to_string());
        let server = serving();
        let mut command = Command::new("/bin/sh");
        command.env_clear().current_dir(crate::support::root()).args(["-c", "exec 2>\"$0\" \"$@\""]).arg(&errors);
        command.arg(server.get_program()).args(server.get_args()).args(["--workers", "2"]);
        let mut process = Process::start(command);
        process.ignore_log();
        for _ in 0..4 {
            let (mut connection, request) = (connect(&process), request.clone());
            std::thread::spawn(move || {
                while connection.write_all(&request).is_ok() && connection.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
            });
        }
        sleep(SECOND / 2);
        process.signal("TERM");
        sleep(Duration::from_millis(pause));
        process.signal("INT");
        assert_eq!(exit_code(&mut process), Some(1));
        let sentence = "glimpse: The server was told to end a second time: what it had not finished is cut off.\n";
        assert_eq!(std::fs::read_to_string(&errors).unwrap(), sentence);
    }
}

/// A copy of the site with a file that no socket's buffer holds.
fn site(name: &str) -> (PathBuf, usize) {
    let site = folder(name);
    let copied = Command::new("cp").args(["-r", "web/dist/."]).arg(&site).current_dir(crate::support::root()).status();
    assert!(copied.unwrap().success());
    let length = 30_000_000;
    std::fs::write(site.join("large.bin"), vec![b'x'; length]).unwrap();
    (site, length)
}

#[test]
fn an_answer_that_is_still_being_sent_is_finished() {
    let (site, length) = site("site_sent");
    let mut process = start(&["--web-dir", site.to_str().unwrap()]);
    let mut connection = connect(&process);
    connection.write_all(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    connection.read_exact(&mut [0; 1000]).unwrap();
    process.signal("TERM");
    sleep(3 * SECOND);
    assert!(process.child.try_wait().unwrap().is_none(), "it has ended");
    assert!(until_closed(&mut connection).len() + 1000 > length);
    assert_eq!(exit_code(&mut process), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_http2_that_is_still_being_sent_is_finished() {
    let (site, length) = site("site_http2");
    let mut process = start(&["--web-dir", site.to_str().unwrap()]);
    let socket = tokio::net::TcpStream::connect(process.address).await.unwrap();
    let (mut client, connection) = h2::client::handshake(socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(process.url("/large.bin")).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    process.signal("TERM");
    // Nothing is taken for longer than an idle connection lingers.
    tokio::time::sleep(3 * SECOND).await;
    let mut received = 0;
    while let Some(data) = body.data().await {
        let data = data.expect("it was cut off");
        received += data.len();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(received, length);
    drop(client);
    // The client may still be writing a WINDOW_UPDATE when the server closes.
    let _ = connection.await.unwrap();
    assert_eq!(exit_code(&mut process), Some(0));
}

#[test]
fn a_reader_that_does_not_read_is_cut_off_and_a_steady_one_is_not() {
    let (site, length) = site("site_slow");
    let flags = ["--web-dir", site.to_str().unwrap(), "--send-timeout", "2s", "--min-send-rate", "100000"];
    let mut process = start(&flags);
    let request = b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut steady = connect(&process);
    steady.write_all(request).unwrap();
    let mut stalled = connect(&process);
    stalled.write_all(request).unwrap();
    // HTTP/2, without a window to send into.
    let mut no_window = connect(&process);
    no_window.write_all(&[PREFACE, &http2_get(1, "/large.bin")].concat()).unwrap();
    // Slower than the machine, faster than the least rate.
    let mut received = 0;
    let mut part = vec![0; 1 << 20];
    while received < length / 2 {
        received += steady.read(&mut part).unwrap();
        sleep(SECOND / 10);
    }
    received += until_closed(&mut steady).len();
    assert!(received > length, "the steady reader was cut off");
    for _ in 0..2 {
        let line = line(&mut process, "the client reads its answer too slowly");
        assert_eq!(line["remote_ip"], "127.0.0.1");
    }
    assert!(until_closed(&mut stalled).len() < length);
}

#[test]
fn what_is_no_request_is_counted_and_logged() {
    let mut process = start(&[]);
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "x: y\r\n".repeat(101));
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    // A DATA frame on stream 0.
    let http2 = [PREFACE, b"\0\0\x01\0\0\0\0\0\0x"].concat();
    // A request without :method.
    let malformed = [PREFACE, b"\0\0\x01\x01\x05\0\0\0\x01\x86"].concat();
    for (request, status, reason) in [
        (many.as_bytes(), "HTTP/1.1 431", "head_too_large"),
        (large.as_bytes(), "HTTP/1.1 431", "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", "HTTP/1.1 400", "malformed_head"),
        (&http2, "", "http2"),
    ] {
        let answer = send(&process, request);
        assert!(answer.starts_with(status), "{reason}: {answer}");
        let line = line(&mut process, "refused before it was a request");
        assert_eq!((line["reason"].as_str(), line["remote_ip"].as_str()), (Some(reason), Some("127.0.0.1")), "{line}");
    }
    let mut connection = connect(&process);
    connection.write_all(&malformed).unwrap();
    assert_eq!(line(&mut process, "refused before it was a request")["reason"], "http2");
    // A client that leaves is not refused.
    connect(&process).write_all(b"GET / HT").unwrap();
    let metrics = send(&process, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (reason, count) in [("head_too_large", 2), ("malformed_head", 1), ("http2", 2)] {
        let line = format!("glimpse_http_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[test]
fn a_client_that_is_still_sending_sees_why_it_is_refused() {
    let process = start(&[]);
    for _ in 0..10 {
        let mut connection = connect(&process);
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nx: {}\r\n\r\n", "y".repeat(8_000_000));
        connection.write_all(head.as_bytes()).expect("it is reset");
        assert!(until_closed(&mut connection).starts_with(b"HTTP/1.1 431"));
    }
}

#[test]
fn the_host_of_a_request() {
    let process = start(&[]);
    let status = |head: &str| send(&process, format!("GET {head}Connection: close\r\n\r\n").as_bytes());
    for head in [
        "/livez HTTP/1.1\r\n",
        "/livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n",
        "/livez HTTP/1.1\r\nHost: a b\r\n",
        "/livez HTTP/1.1\r\nHost: x/y\r\n",
        "http://x/livez HTTP/1.1\r\n",
        "/nothing HTTP/1.1\r\n",
        "/livez HTTP/1.0\r\nHost: x\r\nHost: y\r\n",
    ] {
        let answer = status(head);
        let body = "{\"message\":\"The request must have one valid Host header\"}";
        assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"), "{head}{answer}");
        assert!(answer.ends_with(body) && answer.contains("x-request-id"), "{head}{answer}");
    }
    for head in [
        "/livez HTTP/1.1\r\nHost: x\r\n",
        "/livez HTTP/1.1\r\nHost: [::1]:8080\r\n",
        "http://x/livez HTTP/1.1\r\nHost: x\r\n",
        "/livez HTTP/1.0\r\n",
    ] {
        let answer = status(head);
        assert!(answer.contains(" 200 "), "{head}{answer}");
    }
}

#[test]
fn a_connection_opened_early_is_kept_and_a_head_that_has_begun_is_timed() {
    let process = start(&["--header-timeout", "1s", "--keep-alive-timeout", "10s"]);
    let mut early = connect(&process);
    let mut begun = connect(&process);
    begun.write_all(b"GET /li").unwrap();
    assert_eq!(until_closed(&mut begun), b"");
    sleep(SECOND);
    assert!(get(&mut early).starts_with("HTTP/1.1 200"));
}

#[test]
fn an_old_connection_is_closed_after_its_request() {
    let mut process = start(&["--max-connection-age", "2s"]);
    let mut old = connect(&process);
    let mut old_http2 = http2(&process);
    let mut idle = connect(&process);
    let begun = Instant::now();
    while !get(&mut old).contains("connection: close") {
        assert!(begun.elapsed() < LONG, "it is kept for ever");
        sleep(SECOND / 10);
    }
    assert!(begun.elapsed() > SECOND, "closed early");
    assert_eq!(until_closed(&mut old), b"");
    assert!(has_goaway(&until_closed(&mut old_http2)));
    assert_eq!(until_closed(&mut idle), b"");
    process.signal("TERM");
    assert_eq!(exit_code(&mut process), Some(0));
}

/// A server on a Unix socket, which is there when this returns.
fn start_on(path: &Path) -> Child {
    let mut command = executable();
    command.current_dir(crate::support::root()).args(["--listen-addr", &format!("unix:{}", path.display())]);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    eventually("it does not listen", || UnixStream::connect(path).is_ok());
    child
}

#[test]
fn a_unix_socket() {
    let path = folder("unix").join("glimpse.sock");
    let address = format!("unix:{}", path.display());
    assert!(!health(&address));
    let mut killed = start_on(&path);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(path.exists() && !health(&address));
    // The file of a server that is gone is replaced.
    let mut server = start_on(&path);
    assert!(health(&address));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let mut connection = UnixStream::connect(&path).unwrap();
    connection.write_all(LAST_GET).unwrap();
    assert!(until_closed(&mut connection).starts_with(b"HTTP/1.1 200"));
    // One that listens is not.
    let mut command = executable();
    command.current_dir(crate::support::root()).args(["--listen-addr", &address]);
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(errors.contains("another server listens on it") && errors.lines().count() == 1, "{errors}");
    assert!(health(&address));
    let sent = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(sent.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert!(!path.exists());
    // What is no socket is left alone.
    std::fs::write(&path, "a file").unwrap();
    let refused = command.output().unwrap();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("not a socket"));
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
}

#[test]
fn metrics_on_a_unix_socket() {
    let path = folder("unix_metrics").join("metrics.sock");
    let mut process = start(&["--metrics-addr", &format!("unix:{}", path.display())]);
    process.ignore_log();
    let mut connection = UnixStream::connect(&path).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(String::from_utf8(until_closed(&mut connection)).unwrap().contains("glimpse_build_info"));
}
