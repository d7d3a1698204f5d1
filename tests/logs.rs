//! What a worker logs has the id of the request that it works on.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "it/support/mod.rs"]
mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use glimpse::engine::{Analysis, Limits, Payload, Ticket, Work};
use glimpse::error::Error;
use serde_json::Value;
use support::{LONG, Server, app_with};

struct Logging;

impl Work for Logging {
    fn run(&mut self, _: &Payload, _: &Ticket) -> Result<Analysis, Error> {
        tracing::error!("said by the worker");
        Err(Error::Internal)
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_workers_line_has_the_requests_id() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().json().with_writer(move || writer.clone()).init();
    let server = Server::with(app_with(vec![Logging], Limits { queue_depth: 1, timeout: LONG })).await;
    let request = server.client.post(server.url("/api/v1/analyze")).header("x-request-id", "my-id");
    assert_eq!(request.body(r#"{"base64Image": "a"}"#).send().await.unwrap().status(), 500);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line = text.lines().find(|line| line.contains("said by the worker")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["span"]["id"], "my-id", "{line}");
}
