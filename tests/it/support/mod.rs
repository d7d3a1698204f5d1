//! What the tests share: a server on a port of its own, in this process or as a child, and a client.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part of this, and what fails here fails the test"
)]

pub(crate) mod collector;
mod process;
#[cfg(target_os = "linux")]
pub(crate) mod seccomp;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Parser;
use glimpse::config::{CommandLine, Config};
use glimpse::engine::{Engine, Limits, Work};
use glimpse::http::{self, App};
use glimpse::lifecycle::{Lifecycle, Phase};
use glimpse::server;
#[allow(unused_imports, reason = "as above")]
pub use process::{Process, copy_executable, executable, root, serving};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Long enough for anything that happens at all.
pub const LONG: Duration = Duration::from_mins(1);

/// A sample picture's bytes.
pub fn picture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/pictures").join(name)).unwrap()
}

/// The sample pictures' names.
pub fn pictures() -> Vec<String> {
    let names = std::fs::read_dir(root().join("tests/pictures")).unwrap();
    let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "README.md");
    names.sort();
    assert!(names.len() >= 3, "the sample pictures are missing");
    names
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The options that these flags make, with every other at its default.
pub fn config(flags: &[&str]) -> Config {
    let program = ["glimpse", "--listen-addr", "127.0.0.1:0"];
    CommandLine::try_parse_from(program.iter().chain(flags)).unwrap().config
}

/// The real model, loaded once a test file.
pub fn app() -> App {
    static APP: OnceLock<App> = OnceLock::new();
    let load = || {
        let model = root().join("models/model.onnx");
        server::load(&config(&["--model", model.to_str().unwrap()])).expect("run scripts/setup first")
    };
    APP.get_or_init(load).clone()
}

/// The real model's description, before workers of another kind.
pub fn app_with<W: Work>(workers: Vec<W>, limits: Limits) -> App {
    App { engine: Arc::new(Engine::new(workers, limits).unwrap()), ..app() }
}

/// A server in this process; drains when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub client: reqwest::Client,
    pub lifecycle: Lifecycle,
    pub serving: tokio::task::JoinHandle<bool>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(app()).await
    }

    pub async fn with(app: App) -> Self {
        Self::with_origins(app, "http://localhost:4321").await
    }

    pub async fn with_origins(app: App, origins: &str) -> Self {
        Self::with_flags(app, &["--cors-allow-origins", origins]).await
    }

    pub async fn with_flags(app: App, flags: &[&str]) -> Self {
        let Config { connections, cors_allow_origins, .. } = config(flags);
        let lifecycle = Lifecycle::new();
        let app = App {
            lifecycle: lifecycle.clone(),
            body_timeout: connections.body_timeout,
            min_body_rate: connections.min_body_rate,
            ..app
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = http::router(app, &cors_allow_origins);
        let life = lifecycle.clone();
        let serving = tokio::spawn(async move { server::serve(listener, router, connections, &life).await });
        Self { address, client: reqwest::Client::new(), lifecycle, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.client.post(self.url(path)).header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    pub async fn analyze(&self, picture: &[u8]) -> reqwest::Response {
        self.post("/api/v1/analyze", json!({ "base64Image": base64(picture) }).to_string()).await
    }

    /// Sends bytes as they are, and gives the whole answer as text.
    pub fn raw(&self, request: &[u8]) -> String {
        tokio::task::block_in_place(|| {
            let mut connection = TcpStream::connect(self.address).unwrap();
            connection.set_read_timeout(Some(LONG)).unwrap();
            connection.write_all(request).unwrap();
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).unwrap();
            String::from_utf8(answer).unwrap()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lifecycle.advance(Phase::Draining);
    }
}

/// The description of the API.
pub fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| serde_json::from_str(http::description()).unwrap())
}

/// The API's description has this status at this path. It describes methods that are allowed, and no other path.
fn assert_described(path: &str, status: u16) {
    let Some(methods) = description()["paths"][path].as_object() else { return };
    let is_described = methods.values().any(|method| method["responses"][status.to_string()].is_object());
    assert!(is_described || status == 405, "{path} has answered {status}, which is not described");
}

/// An answer's status and JSON body.
pub async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_described(response.url().path(), status);
    (status, response.json().await.unwrap())
}

/// The labels of an answer, and their confidences.
pub fn predictions(body: &Value) -> Vec<(String, f64)> {
    let pair = |it: &Value| (it["label"].as_str().unwrap().to_owned(), it["confidence"].as_f64().unwrap());
    body.as_array().unwrap().iter().map(pair).collect()
}
