//! Connections that are silent, slow or malformed, and the limit on their number.

use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::raw::{analyze, head};
#[cfg(target_os = "linux")]
use crate::support::{Connection, Process, root, serving};
use crate::support::{LONG, Server, analyze_body, answer, picture};

/// Timeouts of one second. The defaults are ten or more.
const IMPATIENT: [&str; 8] =
    ["--header-timeout", "1s", "--body-timeout", "1s", "--keep-alive-timeout", "1s", "--min-body-rate", "1000"];

#[tokio::test(flavor = "multi_thread")]
async fn silent_and_slow_connections_are_closed_while_others_are_served() {
    let server = Server::with_flags(&IMPATIENT).await;
    let mut closing = Vec::new();
    for index in 0..1000 {
        let half_sent = if index % 2 == 0 { "" } else { "POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConte" };
        closing.push(tokio::spawn(server.connect(half_sent).await.until_closed()));
    }
    let mut slow = Vec::new();
    for _ in 0..100 {
        let connection = server.connect(analyze(&["Content-Length: 1000"])).await;
        slow.push(tokio::spawn(connection.response_while_sending(b"{".to_vec(), Duration::from_millis(100))));
    }
    for _ in 0..10 {
        let served = timeout(LONG, server.analyze(&picture("coffee.jpg"))).await.expect("others are kept waiting");
        assert_eq!(served.status(), 200);
    }
    for connection in closing {
        assert_eq!(connection.await.unwrap(), "");
    }
    for connection in slow {
        assert_eq!(connection.await.unwrap().0.status, 408);
    }
}

#[tokio::test]
async fn a_slow_body_is_answered_408() {
    let server = Server::with_flags(&IMPATIENT).await;
    let refused = server.exchange(analyze(&["Connection: close", "Content-Length: 1000"]) + "{").await;
    let body = json!({ "message": "The request body came too slowly: send it again" }).to_string();
    assert_eq!((refused.status, refused.body), (408, body));
}

/// Each request has its own connection: bytes after a refused request are not parsed as another one.
#[tokio::test(flavor = "multi_thread")]
async fn false_lengths_are_refused_once() {
    let server = Server::with_flags(&IMPATIENT).await;
    let body = json!({ "base64Image": "eA==" }).to_string();
    let length = body.len();
    let json = body.as_str();
    let cases: [(String, &str, &str); 8] = [
        (format!("Content-Length: {}", length + 1), json, "HTTP/1.1 408 "),
        // Too short: the JSON is cut off, and the bytes after it are not a request.
        (format!("Content-Length: {}", length - 1), json, "HTTP/1.1 400 "),
        ("Content-Length: -1".into(), json, "HTTP/1.1 400 "),
        ("Content-Length: 99999999999999999999".into(), json, "HTTP/1.1 400 "),
        ("Content-Length: 18446744073709551615".into(), json, "HTTP/1.1 4"),
        (format!("Content-Length: {length}\r\nContent-Length: {}", length + 1), json, "HTTP/1.1 400 "),
        ("Transfer-Encoding: chunked".into(), "xyz\r\n", "HTTP/1.1 400 "),
        ("Transfer-Encoding: chunked".into(), "ffffffffffffffff0\r\n", "HTTP/1.1 400 "),
    ];
    for (header, body, status) in cases {
        let request = analyze(&["Connection: close", &header]) + body;
        let answer = server.connect(request).await.until_closed().await;
        assert!(answer.starts_with(status), "{header}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{header}: {answer}");
    }
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_chunked_body_is_refused_and_cut_off() {
    let server = Server::with_flags(&["--max-body-bytes", "100000"]).await;
    let connection = server.connect(analyze(&["Transfer-Encoding: chunked"])).await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).into_bytes();
    let (refused, sending) = connection.response_while_sending(chunk, Duration::ZERO).await;
    assert_eq!(refused.status, 413);
    timeout(LONG, sending).await.expect("the connection is not closed").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_least_rate_may_take_longer_than_the_timeout() {
    let server = Server::with_flags(&["--body-timeout", "1s", "--min-body-rate", "1000"]).await;
    let body = analyze_body(&picture("coffee.jpg")[..6000]);
    let length = format!("Content-Length: {}", body.len());
    let mut connection = server.connect(analyze(&["Connection: close", &length])).await;
    // 4000 bytes/s for two seconds.
    for part in body.as_bytes().chunks(400) {
        connection.send(part).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(connection.response().await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let server = Server::with_flags(&["--header-timeout", "1s", "--keep-alive-timeout", "2s"]).await;
    let mut connection = server.connect("").await;
    for index in 0..4 {
        // Longer than the header timeout, which does not run between requests.
        sleep(Duration::from_millis(if index == 0 { 0 } else { 1500 })).await;
        connection.send(head("GET /health", &[])).await;
        assert_eq!(connection.response().await.status, 200);
    }
    assert_eq!(connection.until_closed().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_timeout_counts_for_the_second_request_too() {
    let server = Server::with_flags(&["--header-timeout", "1s"]).await;
    let mut connection = server.connect(head("GET /health", &[])).await;
    assert_eq!(connection.response().await.status, 200);
    connection.send("GET /hea").await;
    assert_eq!(connection.until_closed().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_and_too_large_headers_are_answered_431() {
    let server = Server::start().await;
    let many = |count: usize| vec!["x: y".to_owned(); count];
    let large = |length: usize| vec![format!("x: {}", "y".repeat(length))];
    for (headers, status) in [(many(90), 200), (many(110), 431), (large(60_000), 200), (large(70_000), 431)] {
        let headers = [&["Connection: close"], &headers.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat();
        let answer = server.connect(head("GET /health", &headers)).await.until_closed().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer:.60}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_above_the_limit_waits_until_another_is_closed() {
    let server = Server::with_flags(&[&IMPATIENT[..], &["--max-connections", "4"]].concat()).await;
    let mut taking = Vec::new();
    for _ in 0..4 {
        taking.push(server.connect("").await);
    }
    assert_eq!(timeout(LONG, server.get("/health")).await.unwrap().status(), 200);
    for connection in taking {
        assert_eq!(connection.until_closed().await, "");
    }
}

#[tokio::test]
async fn http_2_by_prior_knowledge() {
    let server = Server::start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let response = client.get(server.url("/health")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
    let body = analyze_body(&picture("coffee.jpg"));
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
#[tokio::test]
async fn a_server_that_can_open_no_more_files_accepts_again_when_it_can() {
    let mut command = std::process::Command::new("/bin/sh");
    let glimpse = serving();
    command.env_clear().current_dir(root()).args(["-c", "ulimit -n 60; exec \"$0\" \"$@\""]);
    command.arg(glimpse.get_program()).args(glimpse.get_args());
    let process = Process::start(command);
    let mut taking = Vec::new();
    for _ in 0..80 {
        taking.push(Connection::open(process.address).await);
    }
    process.line_of("connections can't be accepted for now");
    drop(taking);
    assert_eq!(reqwest::get(process.url("/livez")).await.unwrap().status(), 200);
}

/// The rest of a refused body, which arrives after the answer, does not start the header timeout.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_body_was_refused_has_the_usual_keep_alive() {
    let server = Server::with_flags(&["--header-timeout", "1s"]).await;
    let mut connection = server.connect(analyze(&["Content-Type: text/plain", "Content-Length: 4"])).await;
    assert_eq!(connection.response().await.status, 415);
    connection.send("body").await;
    // Longer than the header timeout.
    sleep(Duration::from_secs(2)).await;
    connection.send(head("GET /livez", &["Connection: close"])).await;
    assert_eq!(connection.response().await.status, 200);
}
