//! Admission: the queue, the body budget, and when refusals are sent.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::raw::analyze;
use crate::support::{Begun, Server, analyze_body, answer, eventually, picture, raw};

struct Full {
    server: Server,
    /// The request that the only worker holds.
    begun: Begun,
    held: JoinHandle<(u16, Value)>,
}

/// A server without a queue, whose only worker is busy.
async fn full() -> Full {
    let (server, mut script) = Server::scripted(&["--queue-depth", "0", "--inference-timeout", "1m"]).await;
    let held = server.spawn_analyze(b"first");
    let begun = script.begun().await;
    Full { server, begun, held }
}

#[tokio::test]
async fn a_full_server_refuses_before_it_has_read_the_body() {
    let Full { server, begun, held } = full().await;
    for (path, content_type) in
        [("/api/v1/analyze", "application/json"), ("/answer", "multipart/form-data; boundary=x")]
    {
        let content_type = format!("Content-Type: {content_type}");
        let request = raw::head(&format!("POST {path}"), &[&content_type, "Content-Length: 1000000"]);
        let refused = server.exchange(request).await;
        assert_eq!((refused.status, &*refused.headers["retry-after"]), (503, "1"), "{path}: {refused:?}");
    }
    begun.answer();
    assert_eq!(held.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_client_that_is_still_sending_reads_its_refusal_and_may_ask_again() {
    let Full { server, begun, .. } = full().await;
    let mut connection = server.connect(analyze(&["Content-Length: 3000000"])).await;
    // More than the sockets buffer, so that sending it all requires the server to read.
    connection.send(vec![b' '; 3_000_000]).await;
    assert_eq!(connection.response().await.status, 503);
    connection.send(raw::head("GET /livez", &[])).await;
    assert_eq!(connection.response().await.status, 200);
    begun.answer();
}

#[tokio::test]
async fn a_client_that_is_still_sending_reads_every_other_refusal_too() {
    let server = Server::with_flags(&["--api-keys", "key", "--max-body-bytes", "5000000"]).await;
    for (headers, status) in [
        (&["Content-Type: application/json"][..], 401),
        (&["X-API-Key: key", "Content-Type: text/plain"], 415),
        (&["X-API-Key: key"], 413),
    ] {
        let mut connection = server.connect(analyze(&[headers, &["Content-Length: 6000000"]].concat())).await;
        connection.send(vec![b' '; 6_000_000]).await;
        assert_eq!(connection.response().await.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn large_bodies_share_a_budget_and_leave_room_for_small_ones() {
    const MIB: usize = 1 << 20;
    let server = Server::with_flags(&["--max-inflight-bytes", &(8 * MIB).to_string()]).await;
    let mut sending = server.connect(analyze(&[&format!("Content-Length: {}", 6 * MIB)])).await;
    sending.send(vec![b' '; 5 * MIB]).await;
    eventually("the body that has come is counted", async || server.inflight_bytes() >= 5 * MIB).await;
    let large = json!({ "base64Image": "A".repeat(2 * MIB) }).to_string();
    let (status, body) = answer(server.post("/api/v1/analyze", large).await).await;
    assert_eq!((status, &body["message"]), (503, &json!("The server is busy: try again in a moment")));
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
    drop(sending);
    eventually("a client that leaves gives its memory back", async || server.inflight_bytes() == 0).await;
    let mut large = picture("coffee.jpg");
    large.resize(2 * MIB, 0);
    assert_eq!(server.post("/api/v1/analyze", analyze_body(&large)).await.status(), 200);
    assert_eq!(server.inflight_bytes(), 0);
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let server = Server::with_flags(&["--max-inflight-bytes", "4194304"]).await;
    let connection = server.connect(analyze(&["Transfer-Encoding: chunked"])).await;
    let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
    let (refused, _) = connection.response_while_sending(chunk, Duration::ZERO).await;
    assert_eq!(refused.status, 503);
    eventually("the memory is given back", async || server.inflight_bytes() == 0).await;
}
