//! Clients that disconnect before their answer.

use serde_json::json;

use crate::support::raw::analyze;
use crate::support::{Connection, Server, eventually};

/// Connections whose clients leave.
const LEAVING: usize = 40;

/// A request whose base64 text is `text`.
fn request(text: &str) -> String {
    let body = json!({ "base64Image": text }).to_string();
    analyze(&[&format!("Content-Length: {}", body.len())]) + &body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn work_for_clients_that_have_left_is_not_done() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "100", "--inference-timeout", "1m"]).await;
    let mut stays = server.connect(request("stays")).await;
    let first = script.begun().await;
    let mut leaving: Vec<Connection> = Vec::new();
    for _ in 0..LEAVING {
        leaving.push(server.connect(request("leaves")).await);
    }
    eventually("the requests wait behind the first one", async || server.waiting() == LEAVING).await;
    for connection in &mut leaving {
        connection.end_sending().await;
    }
    for connection in leaving {
        // The server closes the connection without an answer once it has noticed the disconnect.
        assert_eq!(connection.until_closed().await, "");
    }
    // The server drops a request just after closing its connection. The server has one thread, so this answer comes
    // after both.
    assert_eq!(server.get("/health").await.status(), 200);
    let mut late = server.connect(request("late")).await;
    first.fail();
    let second = script.begun().await;
    assert_eq!(second.text, "late", "work was begun for a client that had left");
    second.fail();
    assert_eq!((stays.response().await.status, late.response().await.status), (422, 422));
    assert!(script.is_idle());
}
