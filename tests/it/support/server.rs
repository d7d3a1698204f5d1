//! A server in this process.
//!
//! Tests configure it with command-line flags. Only this file knows the parts of a server.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use clap::Parser;
use glimpse::commands::serve::load;
use glimpse::config::{CommandLine, Config};
use glimpse::doors::Doors;
use glimpse::engine::{Capacity, Engine};
use glimpse::guard::{Access, BodyLimits, Budget};
use glimpse::http::{App, Site, State};
use glimpse::model::Served;
use glimpse::server;
use glimpse::server::lifecycle::{Lifecycle, Phase};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::scripted::{Script, Scripted, scripted};
use super::{Connection, analyze_body, answer, raw, root};

/// The configuration for `flags`, with defaults for the other options and the model of the project's folder.
fn config(flags: &[String]) -> Config {
    let model = root().join("models/model.onnx").into_os_string().into_string().unwrap();
    let names_model = flags.iter().any(|flag| flag == "--model");
    let model = if names_model { vec![] } else { vec!["--model".to_owned(), model] };
    let program = ["glimpse", "--listen-addr", "127.0.0.1:0"].map(str::to_owned);
    CommandLine::try_parse_from(program.iter().chain(&model).chain(flags)).unwrap().config
}

/// Whether both configurations build the same engine.
fn same_engine(one: &Config, other: &Config) -> bool {
    let engine = |config: &Config| {
        let (engine, pipeline) = (&config.engine, &config.pipeline);
        (engine.queue_depth, engine.inference_timeout, pipeline.max_pixels, pipeline.workers, pipeline.jpeg_decode)
    };
    one.model.file.source() == other.model.file.source()
        && one.model.model_name == other.model.model_name
        && one.model.file.library() == other.model.file.library()
        && one.bodies.max_body_bytes == other.bodies.max_body_bytes
        && engine(one) == engine(other)
}

/// The application with default options. The model is loaded once per process.
fn default_app() -> App {
    static APP: OnceLock<App> = OnceLock::new();
    APP.get_or_init(|| load(&config(&[])).expect("run scripts/setup first")).clone()
}

/// The application for `config`. It shares the default engine unless it has a scripted worker or an option that concerns the
/// engine. Unlike `load`, it accepts a memory budget below the largest body.
fn app(config: &Config, worker: Option<Scripted>) -> App {
    let app =
        if worker.is_some() || same_engine(config, &self::config(&[])) { default_app() } else { load(config).unwrap() };
    let engine = worker.map(|worker| {
        let capacity = Capacity { queue_depth: config.engine.queue_depth, timeout: config.engine.inference_timeout };
        Arc::new(Engine::new(vec![worker], capacity).unwrap())
    });
    App::new(State {
        engine: engine.unwrap_or_else(|| app.engine.clone()),
        budget: Budget::new(config.budgets().max_inflight_bytes),
        access: Arc::new(Access::new(&config.access).unwrap()),
        site: Site::open(config.site.web_dir.clone()).unwrap(),
        lifecycle: Lifecycle::new(),
        shows_metrics: config.access.metrics_addr.is_none(),
        body_limits: BodyLimits {
            max_bytes: config.bodies.max_body_bytes,
            timeout: config.connections.body_timeout,
            min_rate: config.connections.min_body_rate,
        },
        adapters: config.adapters.adapters(),
        idle_timeout: config.connections.keep_alive_timeout,
        max_batch: config.engine.max_batch,
        max_pixels: config.pipeline.max_pixels,
        ..State::clone(&app)
    })
}

/// The engine of the default server.
pub(crate) fn engine() -> Arc<Engine> {
    default_app().engine.clone()
}

/// The description of the default server's model.
pub(crate) fn model() -> Arc<Served> {
    default_app().catalogue.now()
}

#[derive(Default)]
pub(crate) struct Builder {
    flags: Vec<String>,
    worker: Option<Scripted>,
}

impl Builder {
    /// Adds command-line flags.
    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    /// Replaces the model by a scripted worker.
    pub(crate) fn worker(mut self, worker: Scripted) -> Self {
        self.worker = Some(worker);
        self
    }

    pub(crate) async fn start(self) -> Server {
        let config = config(&self.flags);
        let app = app(&config, self.worker);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Doors::new(app.clone(), &config.access.cors_allow_origins);
        let lifecycle = app.lifecycle.clone();
        tokio::spawn(async move { server::serve(listener, router, config.connections, &lifecycle).await });
        Server { address, client: reqwest::Client::new(), app }
    }
}

/// A server in this process. Drains when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    app: App,
}

impl Server {
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a server with default options.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    pub(crate) async fn with_flags(flags: &[&str]) -> Self {
        Self::builder().flags(flags).start().await
    }

    /// Starts a server whose only worker follows the script.
    pub(crate) async fn scripted(flags: &[&str]) -> (Self, Script) {
        let (worker, script) = scripted();
        (Self::builder().flags(flags).worker(worker).start().await, script)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// Posts `body` as JSON.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.client.post(self.url(path)).header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    pub(crate) async fn analyze(&self, picture: &[u8]) -> reqwest::Response {
        self.post("/api/v1/analyze", analyze_body(picture)).await
    }

    /// Spawns a task that sends a picture for analysis and returns the status and the JSON body.
    pub(crate) fn spawn_analyze(&self, picture: &[u8]) -> JoinHandle<(u16, Value)> {
        let request = self.client.post(self.url("/api/v1/analyze")).body(analyze_body(picture));
        tokio::spawn(async move { answer(request.send().await.unwrap()).await })
    }

    /// Opens a connection and sends `bytes`.
    pub(crate) async fn connect(&self, bytes: impl AsRef<[u8]>) -> Connection {
        let mut connection = Connection::open(self.address).await;
        connection.send(bytes).await;
        connection
    }

    /// Sends `bytes` on a new connection and reads one response.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> raw::Response {
        self.connect(bytes).await.response().await
    }

    /// Enters the phase in which `/readyz` answers 503 and requests are still accepted.
    pub(crate) fn leave(&self) {
        self.app.lifecycle.advance(Phase::Leaving);
    }

    /// Enters the phase in which requests are finished and no further connections are accepted.
    pub(crate) fn drain(&self) {
        self.app.lifecycle.advance(Phase::Draining);
    }

    /// The number of requests that wait for a worker.
    pub(crate) fn waiting(&self) -> usize {
        self.app.engine.waiting()
    }

    /// The number of bytes of request bodies in memory.
    pub(crate) fn inflight_bytes(&self) -> usize {
        self.app.budget.taken()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.lifecycle.advance(Phase::Draining);
    }
}
