//! Heads of requests that are refused.

use super::*;

#[test]
fn malformed_requests_are_counted_and_logged() {
    let process = start(&[]);
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
        let line = process.line_of("refused before it was a request");
        assert_eq!((line["reason"].as_str(), line["remote_ip"].as_str()), (Some(reason), Some("127.0.0.1")), "{line}");
    }
    let mut connection = connect(&process);
    connection.write_all(&malformed).unwrap();
    assert_eq!(process.line_of("refused before it was a request")["reason"], "http2");
    // A disconnect does not count as a refusal.
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
        connection.write_all(head.as_bytes()).expect("the server resets the connection");
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
