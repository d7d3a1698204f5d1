//! What clients see of the gateway when they are refused or leave, and what the log and the metrics have of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use httparse::{EMPTY_HEADER, Status};
use reqwest::Method;
use serde_json::Value;

use crate::logs::failing_model;
use crate::support::raw::{self, head};
use crate::support::{
    Connection, LONG, Process, Server, analyze_body, eventually, executable, picture, root, serving, temporary,
};

const MB: usize = 1_000_000;

/// Whether a head says that the connection is closed after it, and the body's length.
fn read_head(bytes: &[u8]) -> Option<(u16, bool, usize, usize)> {
    let mut headers = [EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let Status::Complete(length) = response.parse(bytes).unwrap() else { return None };
    let value = |name: &str| response.headers.iter().find(|header| header.name == name).map(|header| header.value);
    let body = value("content-length").map_or(0, |value| std::str::from_utf8(value).unwrap().parse().unwrap());
    Some((response.code.unwrap(), value("connection") == Some(b"close"), length, body))
}

/// Reads one response of a blocking socket: its status, and whether the connection is closed after it.
fn read_response(socket: &mut TcpStream) -> std::io::Result<(u16, bool)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        if let Some((status, closes, length, body)) = read_head(&bytes)
            && bytes.len() >= length + body
        {
            return Ok((status, closes));
        }
        match socket.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Writes a request as Python's `http.client` does: all of it, and only then reads. Sends a second request on the same
/// connection where that is kept.
fn write_then_read(address: SocketAddr, head: &str, body: &[u8]) -> std::io::Result<u16> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(LONG))?;
    socket.set_write_timeout(Some(LONG))?;
    socket.write_all(head.as_bytes())?;
    for chunk in body.chunks(64 << 10) {
        socket.write_all(chunk)?;
    }
    let (status, closes) = read_response(&mut socket)?;
    if !closes {
        socket.write_all(raw::head("GET /livez", &[]).as_bytes())?;
        assert_eq!(read_response(&mut socket)?.0, 200, "the connection is kept and of no use: {head}");
    }
    Ok(status)
}

/// Fails unless 20 of 20 clients that write `megabytes` first see `status`.
async fn all_see(server: &Server, line: &str, headers: &[&str], megabytes: usize, status: u16) {
    let length = format!("Content-Length: {}", megabytes * MB);
    let head = head(line, &[headers, &[&length]].concat());
    let address = server.address;
    let clients = (0..20).map(|_| {
        let head = head.clone();
        tokio::task::spawn_blocking(move || write_then_read(address, &head, &vec![b' '; megabytes * MB]))
    });
    for client in clients.collect::<Vec<_>>() {
        let seen = client.await.unwrap();
        assert!(matches!(seen, Ok(seen) if seen == status), "{line} {headers:?}: {seen:?} and not {status}");
    }
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=x";
const JSON: &str = "Content-Type: application/json";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_writes_first_sees_what_no_route_takes() {
    let server = Server::start().await;
    for (line, headers, status) in [
        ("POST /", &[][..], 400),
        ("PUT /", &[], 405),
        ("POST /nothing", &[], 404),
        ("POST /nothing", &["Connection: close"], 404),
        ("POST /api/nothing", &[], 404),
        ("PUT /api/v1/analyze", &[JSON], 405),
        ("DELETE /predict", &[JSON, "Connection: close"], 405),
        ("PATCH /answer", &[FORM], 405),
        ("POST /metrics", &[], 405),
        ("GET /livez", &[], 200),
        ("GET /", &[], 200),
        ("POST /api/v1/analyze", &["Content-Type: text/plain"], 415),
        ("POST /api/v1/analyze", &[JSON, "Content-Encoding: br"], 415),
        ("POST /predict", &[JSON, "Content-Encoding: br"], 415),
        ("POST /answer", &[JSON], 415),
        ("POST /answer", &["Content-Type: multipart/form-data"], 400),
        ("POST /api/v1/analyze", &["Host: y"], 400),
    ] {
        all_see(&server, line, headers, 3, status).await;
    }
    all_see(&server, "POST /nothing", &[], 10, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_writes_first_sees_what_the_guard_refuses() {
    let locked = Server::with_flags(&["--api-keys", "key"]).await;
    let limited = Server::with_flags(&["--rate-limit", "1"]).await;
    assert_eq!(limited.post("/predict", "{}").await.status(), 422);
    let small = Server::with_flags(&["--max-body-bytes", "1000000"]).await;
    for (path, content_type) in [("/api/v1/analyze", JSON), ("/predict", JSON), ("/answer", FORM)] {
        let line = format!("POST {path}");
        all_see(&locked, &line, &[content_type], 3, 401).await;
        all_see(&small, &line, &[content_type], 3, 413).await;
    }
    drop(locked);
    let seen = tokio::task::spawn_blocking(move || {
        let head = head("POST /api/v1/analyze", &[JSON, "Content-Length: 3000000"]);
        (0..5).map(|_| write_then_read(limited.address, &head, &vec![b' '; 3 * MB]).unwrap()).collect::<Vec<_>>()
    });
    assert!(seen.await.unwrap().contains(&429));
}

/// A body of chunks that has `length` bytes.
fn chunked(length: usize) -> Vec<u8> {
    let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
    [chunk.repeat(length.div_ceil(0x10000)), b"0\r\n\r\n".to_vec()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_refused_midway_is_read_to_its_end() {
    let small = ["--max-body-bytes", "1000000"];
    let tight = ["--max-inflight-bytes", "1000000"];
    for (flags, status) in [(small, 413), (tight, 503)] {
        let server = Server::with_flags(&flags).await;
        let address = server.address;
        for waits in [&[][..], &["Expect: 100-continue"]] {
            let head = head("POST /api/v1/analyze", &[&[JSON, "Transfer-Encoding: chunked"], waits].concat());
            if waits.is_empty() {
                let sent = tokio::task::spawn_blocking(move || write_then_read(address, &head, &chunked(3 * MB)));
                assert_eq!(sent.await.unwrap().unwrap(), status);
                continue;
            }
            let mut connection = server.connect(head).await;
            assert_eq!(connection.response().await.status, 100);
            connection.send(chunked(3 * MB)).await;
            assert_eq!(connection.response().await.status, status);
            connection.send(raw::head("GET /livez", &[])).await;
            assert_eq!(connection.response().await.status, 200);
        }
        eventually("the memory is given back", async || server.inflight_bytes() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_to_send_is_refused_and_told_that_the_connection_ends() {
    let server = Server::with_flags(&["--max-body-bytes", "1000000", "--api-keys", "key"]).await;
    let key = "X-API-Key: key";
    for (line, headers, status) in [
        ("POST /nothing", &[][..], 404),
        ("POST /api/nothing", &[], 404),
        ("POST /metrics", &[], 405),
        ("GET /livez", &[], 200),
        ("POST /api/v1/analyze", &[JSON], 401),
        ("POST /api/v1/analyze", &[JSON, key], 413),
        ("POST /answer", &[JSON, key], 415),
        ("POST /predict", &[JSON, key, "Content-Encoding: br"], 415),
    ] {
        let head = head(line, &[headers, &["Expect: 100-Continue", "Content-Length: 3000000"]].concat());
        let mut connection = server.connect(&head).await;
        let refused = connection.response().await;
        assert_eq!(refused.status, status, "{line}: {refused:?}");
        assert_eq!(refused.headers.get("connection").map(String::as_str), Some("close"), "{line}");
        assert_eq!(connection.until_closed().await, "", "{line}");
        // Some send on without waiting for an answer.
        let address = server.address;
        let sent = tokio::task::spawn_blocking(move || write_then_read(address, &head, &vec![b' '; 3 * MB]));
        let seen = sent.await.unwrap();
        assert!(matches!(seen, Ok(seen) if seen == status), "{line}: {seen:?}");
    }
    // Nobody waits here: there is no body, or the server can't send what would be waited for.
    for (line, headers) in [("GET /livez", &["Expect: 100-continue"][..]), ("POST /nothing", &["Expect: what"])] {
        let mut connection = server.connect(head(line, &[headers, &["Content-Length: 0"]].concat())).await;
        let response = connection.response().await;
        assert!(!response.headers.contains_key("connection"), "{line}: {response:?}");
        connection.send(head("GET /livez", &[])).await;
        assert_eq!(connection.response().await.status, 200, "{line}");
    }
    all_see(&server, "POST /nothing", &["Expect: what"], 3, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_off_has_an_end() {
    let server = Server::with_flags(&["--max-body-bytes", "100000"]).await;
    for path in ["/nothing", "/api/nothing", "/livez"] {
        let connection = server.connect(head(&format!("POST {path}"), &["Transfer-Encoding: chunked"])).await;
        let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
        let (_, sending) = connection.response_while_sending(chunk, Duration::ZERO).await;
        tokio::time::timeout(LONG, sending).await.expect("it is read without end").unwrap();
    }
}

/// The value of a sample of the metrics; 0 without one.
fn sample(metrics: &str, labels: &[&str]) -> usize {
    let lines = metrics.lines().filter(|line| line.starts_with("glimpse_http_requests_total{"));
    let line = lines.into_iter().find(|line| labels.iter().all(|label| line.contains(label)));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_client_that_leaves_is_counted() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "100", "--inference-timeout", "1m"]).await;
    // No other test's clients leave here.
    let labels = [r#"route="/predict""#, r#"method="POST""#, r#"status="499""#];
    let metrics = async || server.get("/metrics").await.text().await.unwrap();
    assert_eq!(sample(&metrics().await, &labels), 0);
    let mut leaving = Vec::new();
    for number in 0..10 {
        leaving.push(server.connect(head("POST /predict", &["Content-Length: 2"]) + "{}").await);
        eventually("it waits", async || server.waiting() == number).await;
    }
    let first = script.begun().await;
    for connection in leaving {
        connection.until_left().await;
    }
    eventually("each is counted", async || sample(&metrics().await, &labels) == 10).await;
    first.fail();
    eventually("the queue is empty", async || server.waiting() == 0).await;
    assert_eq!(sample(&metrics().await, &labels), 10);
    assert!(script.is_idle());
}

#[tokio::test]
async fn a_client_that_leaves_has_one_line() {
    let process = Process::start({
        let mut command = serving();
        command.args(["--workers", "1", "--queue-depth", "100"]);
        command
    });
    let body = analyze_body(&picture("chelsea.png"));
    for number in 0..10 {
        let id = format!("X-Request-Id: leaves-{number}");
        let head = raw::analyze(&[&id, &format!("Content-Length: {}", body.len())]);
        let mut connection = Connection::open(process.address).await;
        connection.send(head + &body).await;
        drop(connection);
    }
    let mut lines: Vec<Value> = (0..10).map(|_| process.line_of("request")).collect();
    lines.sort_by_key(|line| line["id"].to_string());
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["id"], format!("leaves-{number}"), "{line}");
        assert!(line["status"] == 200 || line["error"] == "The client closed the connection", "{line}");
    }
    let left = lines.iter().filter(|line| line["status"] == 499).count();
    assert!(left > 0, "{lines:?}");
    let metrics = reqwest::get(process.url("/metrics")).await.unwrap().text().await.unwrap();
    assert_eq!(sample(&metrics, &[r#"route="/api/v1/analyze""#, r#"status="499""#]), left);
    let rest = process.stop();
    assert!(rest.iter().all(|line| !line["id"].to_string().contains("leaves")), "{rest:?}");
}

/// At these levels the server does not say where it listens.
#[tokio::test]
async fn a_workers_line_has_the_id_of_the_request_at_every_level() {
    let model = temporary("failing_at_every_level.onnx");
    std::fs::write(&model, failing_model()).unwrap();
    for level in ["warn", "error"] {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = executable();
        command.current_dir(root()).env("MODEL_PATH", &model).stdout(Stdio::piped());
        command.args(["--listen-addr", &address.to_string(), "--log-level", level]);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        eventually("it listens", async || TcpStream::connect(address).is_ok()).await;
        let url = format!("http://{address}/api/v1/analyze");
        let request = reqwest::Client::new().post(url).header("x-request-id", "my-id");
        assert_eq!(request.body(analyze_body(&picture("rocket.jpg"))).send().await.unwrap().status(), 500, "{level}");
        // The log is complete once the server has ended by itself.
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        assert!(child.wait().unwrap().success());
        let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        let failed = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("inference failed"));
        let failed = failed.unwrap_or_else(|| panic!("{level}: {lines:?}"));
        assert_eq!((&failed["id"], &failed["level"]), (&"my-id".into(), &"ERROR".into()), "{level}: {failed}");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_what_exists_alone() {
    let origin = "https://example.org";
    let server = Server::with_flags(&["--cors-allow-origins", origin]).await;
    let preflight = async |path: &str, method: &str| {
        let request = server.client.request(Method::OPTIONS, server.url(path)).header("origin", origin);
        request.header("access-control-request-method", method).send().await.unwrap()
    };
    let has_cors = |response: &reqwest::Response| {
        response.headers().keys().any(|name| name.as_str().starts_with("access-control-"))
    };
    for (path, method) in [
        ("/api/v1/analyze", "POST"),
        ("/api/v1/model", "GET"),
        ("/api/v1/openapi.json", "GET"),
        ("/predict", "POST"),
        ("/health", "GET"),
        ("/livez", "GET"),
        ("/metrics", "GET"),
        // Hugging Face's.
        ("/", "POST"),
    ] {
        let response = preflight(path, method).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["access-control-allow-origin"], origin, "{path}");
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/v1/nothing", "/api/v1/analyze/", "/api/v2/analyze"] {
        let response = preflight(path, "POST").await;
        assert_eq!(response.status(), 404, "{path}");
        assert!(!has_cors(&response), "{path}: {response:?}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
    }
    for (path, status) in [("/answer", 405), ("/favicon.svg", 405), ("/nothing", 404)] {
        let response = preflight(path, "GET").await;
        assert_eq!(response.status(), status, "{path}");
        assert!(!has_cors(&response), "{path}: {response:?}");
    }
}
