//! Connections that say nothing, or not enough, or too much; and as many as there may be.

use std::time::Duration;

use glimpse::http::App;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{LONG, Process, Server, answer, app, picture, serving};

/// What the server sends until it closes the connection.
async fn until_closed(mut connection: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset closes it as well.
    let _ = timeout(LONG, connection.read_to_end(&mut answer)).await.expect("it stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn connect(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    connection
}

/// A second where the default has ten, or thirty.
const IMPATIENT: [&str; 8] =
    ["--header-timeout", "1s", "--body-timeout", "1s", "--keep-alive-timeout", "1s", "--min-body-rate", "1000"];

#[tokio::test(flavor = "multi_thread")]
async fn the_silent_and_the_slow_are_closed_while_others_are_served() {
    let server = Server::with_flags(app(), &IMPATIENT).await;
    let mut closing = Vec::new();
    for index in 0..1000 {
        let half_sent: &[u8] = if index % 2 == 0 { b"" } else { b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConte" };
        closing.push(tokio::spawn(until_closed(connect(&server, half_sent).await)));
    }
    let head = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    let mut slow = Vec::new();
    for _ in 0..100 {
        let (mut reader, mut writer) = connect(&server, head).await.into_split();
        tokio::spawn(async move {
            while writer.write_all(b"{").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        slow.push(tokio::spawn(async move {
            let mut answer = vec![0; 12];
            timeout(LONG, reader.read_exact(&mut answer)).await.expect("it is let be").unwrap();
            String::from_utf8(answer).unwrap()
        }));
    }
    for _ in 0..10 {
        let served = timeout(LONG, server.analyze(&picture("coffee.jpg"))).await.expect("others are kept waiting");
        assert_eq!(served.status(), 200);
    }
    for connection in closing {
        assert_eq!(connection.await.unwrap(), "");
    }
    for connection in slow {
        assert_eq!(connection.await.unwrap(), "HTTP/1.1 408");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_refused_in_the_right_words() {
    let server = Server::with_flags(app(), &IMPATIENT).await;
    let stops = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{";
    let refused = until_closed(connect(&server, stops).await).await;
    let body = json!({ "message": "The request body came too slowly: send it again" }).to_string();
    assert!(refused.starts_with("HTTP/1.1 408 ") && refused.ends_with(&body), "{refused}");
}

/// One request after another on its own connection: what the first one leaves unread is not taken for the next.
#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_are_not_true() {
    let server = Server::with_flags(app(), &IMPATIENT).await;
    let body = json!({ "base64Image": "eA==" }).to_string();
    let length = body.len();
    let json = body.as_bytes();
    let cases: [(String, &[u8], &str); 8] = [
        (format!("Content-Length: {}", length + 1), json, "HTTP/1.1 408 "),
        // Too short: a text that breaks off, and then bytes that are no request.
        (format!("Content-Length: {}", length - 1), json, "HTTP/1.1 400 "),
        ("Content-Length: -1".into(), json, "HTTP/1.1 400 "),
        ("Content-Length: 99999999999999999999".into(), json, "HTTP/1.1 400 "),
        ("Content-Length: 18446744073709551615".into(), json, "HTTP/1.1 4"),
        (format!("Content-Length: {length}\r\nContent-Length: {}", length + 1), json, "HTTP/1.1 400 "),
        ("Transfer-Encoding: chunked".into(), b"xyz\r\n", "HTTP/1.1 400 "),
        ("Transfer-Encoding: chunked".into(), b"ffffffffffffffff0\r\n", "HTTP/1.1 400 "),
    ];
    for (header, body, status) in cases {
        let head = format!("POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n");
        let answer = until_closed(connect(&server, &[head.as_bytes(), body].concat()).await).await;
        assert!(answer.starts_with(status), "{header}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{header}: {answer}");
    }
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_without_end() {
    let server = Server::with(App { max_body_bytes: 100_000, ..app() }).await;
    let head = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut reader, mut writer) = connect(&server, head).await.into_split();
    let sending = tokio::spawn(async move {
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        let mut sent = 0;
        while writer.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = vec![0; 12];
    timeout(LONG, reader.read_exact(&mut answer)).await.expect("it reads for ever").unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 413");
    drop(reader);
    // It is cut off after a while, whatever it sends.
    timeout(LONG, sending).await.expect("it is let go on").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_has_the_time_that_its_rate_earns() {
    let server = Server::with_flags(app(), &["--body-timeout", "1s", "--min-body-rate", "1000"]).await;
    let body = json!({ "base64Image": crate::support::base64(&picture("coffee.jpg")[..6000]) }).to_string();
    let head = format!(
        "POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = connect(&server, head.as_bytes()).await;
    // 4000 bytes a second, for two seconds.
    for part in body.as_bytes().chunks(400) {
        connection.write_all(part).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answer = until_closed(connection).await;
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let server = Server::with_flags(app(), &["--header-timeout", "1s", "--keep-alive-timeout", "2s"]).await;
    let mut connection = connect(&server, b"").await;
    let mut bytes = [0; 1000];
    for _ in 0..4 {
        // Longer than what headers have: an idle connection is no slow one.
        tokio::time::sleep(Duration::from_millis(if bytes[0] == 0 { 0 } else { 1500 })).await;
        connection.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let length = connection.read(&mut bytes).await.unwrap();
        assert!(bytes[..length].starts_with(b"HTTP/1.1 200 "));
    }
    assert_eq!(until_closed(connection).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_head_is_timed_as_well() {
    let server = Server::with_flags(app(), &["--header-timeout", "1s"]).await;
    let mut connection = connect(&server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_ne!(connection.read(&mut [0; 1000]).await.unwrap(), 0);
    connection.write_all(b"GET /hea").await.unwrap();
    assert_eq!(until_closed(connection).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_and_too_large_headers() {
    let server = Server::start().await;
    let request = |headers: &str| format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    let many = |count: usize| "x: y\r\n".repeat(count);
    for (headers, status) in [
        (many(90), "HTTP/1.1 200 "),
        (many(110), "HTTP/1.1 431 "),
        (format!("x: {}\r\n", "y".repeat(60_000)), "HTTP/1.1 200 "),
        (format!("x: {}\r\n", "y".repeat(70_000)), "HTTP/1.1 431 "),
    ] {
        let answer = until_closed(connect(&server, request(&headers).as_bytes()).await).await;
        assert!(answer.starts_with(status), "{status}: {answer:.60}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_connections_as_there_may_be() {
    let flags = ["--max-connections", "4", "--header-timeout", "1s", "--keep-alive-timeout", "1s"];
    let server = Server::with_flags(app(), &flags).await;
    let mut taking = Vec::new();
    for _ in 0..4 {
        taking.push(connect(&server, b"").await);
    }
    // The fifth waits until one of them is closed, and is served then.
    assert_eq!(timeout(LONG, server.get("/health")).await.unwrap().status(), 200);
    for connection in taking {
        assert_eq!(until_closed(connection).await, "");
    }
}

#[tokio::test]
async fn http_2_by_prior_knowledge() {
    let server = Server::start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let response = client.get(server.url("/health")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
    let body = json!({ "base64Image": crate::support::base64(&picture("coffee.jpg")) }).to_string();
    let requests: Vec<_> = (0..8)
        .map(|_| {
            let request = client.post(server.url("/api/v1/analyze")).body(body.clone());
            tokio::spawn(async move { answer(request.send().await.unwrap()).await })
        })
        .collect();
    for request in requests {
        let (status, body) = request.await.unwrap();
        assert_eq!((status, body.as_array().unwrap().len()), (200, 3));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_files_to_open_goes_on_when_it_has_some_again() {
    let mut command = std::process::Command::new("/bin/sh");
    let glimpse = serving();
    command.env_clear().current_dir(crate::support::root()).args(["-c", "ulimit -n 60; exec \"$0\" \"$@\""]);
    command.arg(glimpse.get_program()).args(glimpse.get_args());
    let mut process = Process::start(command);
    let mut taking = Vec::new();
    for _ in 0..80 {
        taking.push(TcpStream::connect(process.address).await.unwrap());
    }
    while !process.line()["message"].as_str().unwrap().starts_with("connections can't be accepted for now") {}
    drop(taking);
    assert_eq!(reqwest::get(process.url("/livez")).await.unwrap().status(), 200);
}

/// What comes of a body after its answer is no head that takes too long.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_body_was_refused_is_kept_as_long_as_any() {
    let server = Server::with_flags(app(), &["--header-timeout", "1s"]).await;
    let head = "POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n";
    let mut connection = connect(&server, head.as_bytes()).await;
    let mut answer = [0; 4096];
    let length = timeout(LONG, connection.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 415"));
    connection.write_all(b"body").await.unwrap();
    // Longer than a head may take.
    tokio::time::sleep(Duration::from_secs(2)).await;
    connection.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(until_closed(connection).await.starts_with("HTTP/1.1 200"));
}
