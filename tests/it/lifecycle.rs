//! Readiness, signals, and requests during shutdown.

use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::grpc::{Client, classify};
use crate::support::raw::analyze;
use crate::support::{
    Connection, LONG, Process, Server, analyze_body, answer, eventually, picture, serving, temporary,
};

#[tokio::test]
async fn alive_and_ready() {
    let server = Server::start().await;
    assert_eq!(answer(server.get("/livez").await).await, (200, json!({ "status": "ok" })));
    assert_eq!(answer(server.get("/readyz").await).await, (200, json!({ "status": "ready" })));
    server.leave();
    assert_eq!(answer(server.get("/readyz").await).await, (503, json!({ "status": "stopping" })));
    assert_eq!(server.get("/livez").await.status(), 200);
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
}

#[tokio::test]
async fn a_worker_that_panics_is_missing_until_it_is_replaced() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "4", "--inference-timeout", "1m"]).await;
    assert_eq!(server.get("/readyz").await.status(), 200);
    script.refuse_renewal(true);
    let panics = server.spawn_analyze(b"panics");
    script.begun().await.panic();
    assert_eq!(panics.await.unwrap().0, 500);
    let missing = (503, json!({ "status": "a worker is missing" }));
    eventually("/readyz misses the worker", async || answer(server.get("/readyz").await).await == missing).await;
    script.refuse_renewal(false);
    let waits_for_the_new_worker = server.spawn_analyze(b"next");
    script.begun().await.answer();
    assert_eq!(waits_for_the_new_worker.await.unwrap().0, 200);
    assert_eq!(server.get("/readyz").await.status(), 200);
    assert_eq!(script.renewals(), 1);
}

/// Clients that each send one request after another on a persistent connection.
struct Load {
    answered: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

/// They send JSON, the file itself, and messages of gRPC.
fn load(process: &Process, clients: usize) -> Load {
    let answered = Arc::new(AtomicUsize::new(0));
    let file = picture("coffee.jpg");
    let clients = (0..clients).map(|number| {
        let (url, answered) = (process.url("/api/v1/analyze"), answered.clone());
        let body = if number % 3 == 0 { analyze_body(&file).into_bytes() } else { file.clone() };
        if number % 3 == 2 {
            return tokio::spawn(load_by_grpc(Client::new(process.address), body, answered));
        }
        tokio::spawn(async move {
            let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
            loop {
                match client.post(&url).body(body.clone()).send().await {
                    Ok(response) => {
                        let (status, _) = answer(response).await;
                        if status != 200 {
                            return Err(format!("status {status}"));
                        }
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                    // The listener is closed, so this request was not accepted.
                    Err(error) if error.is_connect() => return Ok(()),
                    Err(error) => return Err(format!("{error:?}")),
                }
            }
        })
    });
    Load { clients: clients.collect(), answered }
}

async fn load_by_grpc(client: Client, file: Vec<u8>, answered: Arc<AtomicUsize>) -> Result<(), String> {
    loop {
        match client.classify(classify(file.clone())).await {
            Ok(_) => {
                answered.fetch_add(1, Ordering::SeqCst);
            }
            // The listener is closed, so this request was not accepted.
            Err(status) if format!("{status:?}").contains("ConnectionRefused") => return Ok(()),
            Err(status) => return Err(format!("{status:?}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_no_request() {
    for signal in ["TERM", "INT"] {
        let process = Process::start(serving());
        let Load { answered, clients } = load(&process, 16);
        eventually("50 requests are answered", async || answered.load(Ordering::SeqCst) >= 50).await;
        process.signal(signal);
        for client in clients {
            assert_eq!(client.await.unwrap(), Ok(()), "{signal}: a request was lost");
        }
        let (code, log) = process.ended();
        assert_eq!(code, Some(0), "{signal}");
        let served: Vec<_> = log.iter().filter(|line| line["message"] == "request").collect();
        assert_eq!(served.len(), answered.load(Ordering::SeqCst), "{signal}");
        assert!(served.iter().all(|line| line["status"] != 499), "{served:?}");
    }
}

#[tokio::test]
async fn after_sigterm_connections_are_accepted_during_the_delay() {
    let mut command = serving();
    command.args(["--shutdown-delay", "2s"]);
    let process = Process::start(command);
    process.signal("TERM");
    process.line_of("stopping: not ready any more");
    let url = process.url("/readyz");
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(answer(response).await, (503, json!({ "status": "stopping" })));
    assert_eq!(process.ended().0, Some(0));
    assert!(reqwest::get(&url).await.unwrap_err().is_connect());
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let mut command = serving();
    command.args(["--shutdown-delay", "1h"]);
    let process = Process::start(command);
    process.signal("TERM");
    process.line_of("stopping: not ready any more");
    process.signal("TERM");
    assert_eq!(process.ended().0, Some(1));
}

#[tokio::test]
async fn a_request_that_does_not_end_in_time_is_cut_off() {
    let mut command = serving();
    command.args(["--shutdown-timeout", "1s"]);
    let process = Process::start(command);
    let mut connection = Connection::open(process.address).await;
    // The server answers 100 once it reads the body, which never comes.
    connection.send(analyze(&["Expect: 100-continue", "Content-Length: 1000"])).await;
    assert_eq!(connection.response().await.status, 100);
    process.signal("TERM");
    let (code, log) = process.ended();
    assert_eq!(code, Some(0));
    let is_said = log.iter().any(|line| line["message"] == "some connections were still open and are cut off");
    assert!(is_said, "{log:?}");
}

#[test]
fn systemd_is_notified_of_readiness_and_stopping() {
    let path = temporary("notify.socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let next_message = || {
        let mut message = [0; 100];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).trim().to_owned()
    };
    let mut command = serving();
    command.env("NOTIFY_SOCKET", &path);
    let process = Process::start(command);
    assert_eq!(next_message(), "READY=1");
    process.signal("TERM");
    assert_eq!(next_message(), "STOPPING=1");
}
