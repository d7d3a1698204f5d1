//! The clients of `scripts/fleet`: a steady load of pictures as JSON, as files and by gRPC, through a balancer, with every answer
//! held against the one that an instance has given directly. Prints a line for each request: the time of its end in seconds
//! since 1970, its door, what came of it, and its milliseconds. It ends at the end of standard input, once every request that is
//! on its way has its line, with a last line that says how many were sent.
//!
//!   fleet --direct HOST:PORT --http HOST:PORT[,...] --grpc HOST:PORT[,...] --clients N --pictures FILE[,...]

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/grpc.rs"]
mod grpc;

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use glimpse::grpc::pb::glimpse::ClassifyResponse;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::timeout;

/// The longest that a client waits: more than the server's own `INFERENCE_TIMEOUT` and a balancer's second try.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The right answer.
    Right,
    /// 503 or UNAVAILABLE, of glimpse or of the balancer: the client may try again.
    Refused,
    /// An answer with other labels.
    Wrong,
    /// Anything else: no answer, or another error.
    Lost,
}

/// A picture as each door takes it, and its right answers.
struct Picture {
    file: Bytes,
    json: Bytes,
    labels: Bytes,
    message: ClassifyResponse,
}

type Http = Client<HttpConnector, Full<Bytes>>;

fn client() -> Http {
    let mut connector = HttpConnector::new();
    // A body's last packet does not wait for the receipt of the one before.
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn post(http: &Http, address: SocketAddr, content_type: &str, body: Bytes) -> Result<(u16, Bytes), String> {
    let request = Request::post(format!("http://{address}/api/v1/analyze")).header("content-type", content_type);
    let request = request.body(Full::new(body)).unwrap();
    let response = http.request(request).await.map_err(|error| format!("{error:?}"))?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| format!("{error:?}"))?;
    Ok((status, body.to_bytes()))
}

/// The pictures in the files, with the answers of the instance at `direct`.
async fn pictures(direct: SocketAddr, files: &str) -> Vec<Picture> {
    let http = client();
    let mut pictures = Vec::new();
    for path in files.split(',') {
        let file = Bytes::from(std::fs::read(path).unwrap());
        let json = Bytes::from(format!(r#"{{"base64Image":"{}"}}"#, BASE64_STANDARD.encode(&file)));
        let (status, labels) = post(&http, direct, "application/json", json.clone()).await.unwrap();
        assert_eq!(status, 200);
        let message = grpc::Client::new(direct).classify(grpc::classify(file.to_vec())).await.unwrap();
        pictures.push(Picture { file, json, labels, message });
    }
    pictures
}

/// One client: its connections, and the doors in turn.
struct Visitor {
    http: Http,
    grpc: grpc::Client,
    http_address: SocketAddr,
}

impl Visitor {
    async fn ask(&self, door: &str, picture: &Picture) -> (Outcome, String) {
        let asked = async {
            if door == "grpc" {
                return match self.grpc.classify(grpc::classify(picture.file.to_vec())).await {
                    Ok(answer) if answer == picture.message => (Outcome::Right, String::new()),
                    Ok(answer) => (Outcome::Wrong, format!("{answer:?}")),
                    Err(status) if is_refusal(&status) => (Outcome::Refused, String::new()),
                    Err(status) => (Outcome::Lost, format!("{:?}: {}", status.code(), status.message())),
                };
            }
            let (content_type, body) = match door {
                "json" => ("application/json", &picture.json),
                _ => ("application/octet-stream", &picture.file),
            };
            match post(&self.http, self.http_address, content_type, body.clone()).await {
                Ok((200, labels)) if labels == picture.labels => (Outcome::Right, String::new()),
                Ok((200, labels)) => (Outcome::Wrong, String::from_utf8_lossy(&labels).into_owned()),
                Ok((503, _)) => (Outcome::Refused, String::new()),
                Ok((status, body)) => (Outcome::Lost, format!("{status}: {}", String::from_utf8_lossy(&body))),
                Err(error) => (Outcome::Lost, error),
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or((Outcome::Lost, "no answer".into()))
    }
}

/// Whether a status is an answer of glimpse or of a balancer, and not a connection that broke.
fn is_refusal(status: &tonic::Status) -> bool {
    use std::error::Error;
    status.code() == tonic::Code::Unavailable && status.source().is_none()
}

/// Whether standard input has ended.
fn ended() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Relaxed);
    });
    ended
}

async fn load(arguments: &HashMap<String, String>) {
    let addresses = |name: &str| -> Vec<SocketAddr> {
        arguments[name].split(',').map(|address| address.parse().unwrap()).collect()
    };
    let pictures = Rc::new(pictures(addresses("--direct")[0], &arguments["--pictures"]).await);
    let (http, grpc) = (addresses("--http"), addresses("--grpc"));
    let (ended, sent) = (ended(), Rc::new(Cell::new(0_u64)));
    let number: usize = arguments["--clients"].parse().unwrap();
    let clients = (0..number).map(|first| {
        let visitor = Visitor {
            http: client(),
            grpc: grpc::Client::new(grpc[first % grpc.len()]),
            http_address: http[first % http.len()],
        };
        let (pictures, ended, sent) = (pictures.clone(), ended.clone(), sent.clone());
        tokio::task::spawn_local(async move {
            let mut turn = first;
            while !ended.load(Ordering::Relaxed) {
                let door = ["json", "file", "grpc"][turn % 3];
                let asked = Instant::now();
                sent.set(sent.get() + 1);
                let (outcome, why) = visitor.ask(door, &pictures[turn / 3 % pictures.len()]).await;
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let (second, milliseconds) = (now.as_secs_f64(), asked.elapsed().as_secs_f64() * 1000.0);
                let why = why.replace('\n', " ");
                println!("{second:.3} {door} {outcome:?} {milliseconds:.1} {why}");
                turn += 1;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    println!("sent {}", sent.get());
    std::io::stdout().flush().unwrap();
}

fn main() {
    // Cargo adds a flag of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut named = HashMap::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        named.insert(name, value);
    }
    if named.is_empty() {
        return;
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(LocalSet::new().run_until(load(&named)));
}
