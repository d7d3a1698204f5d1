//! What the tests share: a server on a port of its own, in this process or as a child, and a client.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part of this, and what fails here fails the test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Parser;
use glimpse::config::{CommandLine, Config};
use glimpse::engine::{Engine, Limits, Work};
use glimpse::http::{self, App};
use glimpse::lifecycle::{Lifecycle, Phase};
use glimpse::server;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Long enough for anything that happens at all.
pub const LONG: Duration = Duration::from_mins(1);

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

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

/// An answer's status and JSON body.
pub async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// The labels of an answer, and their confidences.
pub fn predictions(body: &Value) -> Vec<(String, f64)> {
    let pair = |it: &Value| (it["label"].as_str().unwrap().to_owned(), it["confidence"].as_f64().unwrap());
    body.as_array().unwrap().iter().map(pair).collect()
}

/// The executable, as a child in an empty environment; killed when it is dropped.
pub struct Process {
    pub child: Child,
    pub address: SocketAddr,
    pub ready: Value,
    pub lines: BufReader<std::process::ChildStdout>,
}

impl Process {
    /// Starts it and waits until it says that it is ready.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let ready = loop {
            let line = next_line(&mut lines);
            if line["message"] == "ready" {
                break line;
            }
        };
        let address = ready["address"].as_str().unwrap().parse().unwrap();
        Self { child, address, ready, lines }
    }

    /// The next line of its log.
    pub fn line(&mut self) -> Value {
        next_line(&mut self.lines)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_line(lines: &mut impl BufRead) -> Value {
    let mut line = String::new();
    assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the log ended");
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("a log line that is not JSON: {line}"))
}

/// The executable under test, with an empty environment.
pub fn executable() -> Command {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_glimpse"));
    let path = std::env::var_os("GLIMPSE_EXECUTABLE").map_or(built, PathBuf::from);
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null());
    command
}

/// A copy of the executable in `folder`.
///
/// By another process: a file that this one has open for writing, which a child of another test may have
/// inherited by then, can't be executed.
pub fn copy_executable(folder: &Path) -> PathBuf {
    let copy = folder.join("glimpse");
    assert!(Command::new("cp").arg(executable().get_program()).arg(&copy).status().unwrap().success());
    copy
}

/// The executable, serving on a free port from the project's folder.
pub fn serving() -> Command {
    let mut command = executable();
    command.current_dir(root()).args(["--listen-addr", "127.0.0.1:0"]);
    command
}
