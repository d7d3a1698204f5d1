//! Start, serve, finish.

mod accept;
mod activity;
mod signals;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::net::TcpListener;

use crate::config::{Config, JpegDecode, ListenAddr};
use crate::engine::{Budget, Decoding, Engine, Limits, Pipeline};
use crate::error::StartError;
use crate::http::{self, Access, App, Site};
use crate::lifecycle::{Lifecycle, Phase};
use crate::model::{Classifier, Runtime};
use crate::telemetry::metrics::Metrics;

pub use accept::serve;
use signals::Signals;

/// How long `glimpse health` waits.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Loads the model, once for each worker, and puts the other stages in front of it.
///
/// # Errors
/// A sentence, where ONNX Runtime or the model can't be used.
pub fn pipelines(config: &Config) -> Result<Vec<Pipeline>, StartError> {
    let runtime = Runtime::load(&config.library())?;
    let classifiers = Classifier::load(&runtime, &config.model(), config.worker_count())?;
    let decoding = Decoding { max_pixels: config.max_pixels, reduces_jpeg: config.jpeg_decode == JpegDecode::Reduced };
    Ok(classifiers.into_iter().map(|classifier| Pipeline::new(classifier, decoding)).collect())
}

/// Loads the model and starts the workers.
///
/// # Errors
/// A sentence, where the site, ONNX Runtime or the model can't be used.
pub fn load(config: &Config) -> Result<App, StartError> {
    let site = Site::open(config.web_dir())?;
    let workers = pipelines(config)?;
    let model = workers.first().map(|worker| worker.model().clone());
    let model = model.ok_or_else(|| StartError::new("There must be at least one worker: set WORKERS to 1 or more."))?;
    let limits = Limits { queue_depth: config.queue_depth, timeout: config.inference_timeout };
    let engine = Arc::new(Engine::new(workers, limits)?);
    let budget = Budget::new(config.max_inflight_bytes);
    if budget.largest() < config.max_body_bytes {
        return Err(StartError::new(format!(
            "A body of MAX_BODY_BYTES ({}) does not fit into three quarters of MAX_INFLIGHT_BYTES ({}): set it to more.",
            config.max_body_bytes, config.max_inflight_bytes
        )));
    }
    Ok(App {
        engine,
        budget,
        model,
        site,
        access: Access::new(&config.access)?,
        metrics: Metrics::start(),
        shows_metrics: config.metrics_addr.is_none(),
        lifecycle: Lifecycle::new(),
        max_body_bytes: config.max_body_bytes,
        body_timeout: config.connections.body_timeout,
        min_body_rate: config.connections.min_body_rate,
        max_pixels: config.max_pixels,
        timeout: config.inference_timeout,
    })
}

/// Listens and serves until SIGTERM or Ctrl-C; `started` is when `main` began.
///
/// # Errors
/// A sentence, where the server can't listen, or was told to end a second time before it had finished.
pub async fn run(app: App, config: &Config, started: Instant) -> Result<(), StartError> {
    let mut signals = Signals::listen()?;
    let (listener, address) = listen(&config.listen_addr, "LISTEN_ADDR").await?;
    let metrics_listener = match &config.metrics_addr {
        Some(address) => Some(listen(address, "METRICS_ADDR").await?),
        None => None,
    };
    tracing::info!(
        %address,
        model = app.model.name,
        model_version = app.model.version,
        precision = app.model.precision,
        labels = app.model.labels.len(),
        workers = config.worker_count(),
        ready_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    notify(NotifyState::Ready);
    tokio::spawn(app.metrics.clone().keep_up());
    tokio::spawn(app.access.clone().keep_up());
    if let Some((listener, address)) = metrics_listener {
        tracing::info!(%address, "metrics");
        let (router, limits, lifecycle) =
            (http::metrics_router(app.clone()), config.connections, app.lifecycle.clone());
        tokio::spawn(async move { serve(listener, router, limits, &lifecycle).await });
    }
    let (lifecycle, engine) = (app.lifecycle.clone(), app.engine.clone());
    let router = http::router(app, &config.cors_allow_origins);
    tokio::select! {
        all = serve(listener, router, config.connections, &lifecycle) => {
            if !all {
                tracing::warn!("some connections were still open and are cut off");
            }
            engine.rest(config.inference_timeout).await;
            tracing::info!("stopped");
            Ok(())
        }
        () = end(&mut signals, &lifecycle, config.connections.shutdown_delay) => {
            Err(StartError::new("The server was told to end a second time: what it had not finished is cut off."))
        }
    }
}

/// Takes the server through its last phases at the first signal; done at the second.
async fn end(signals: &mut Signals, lifecycle: &Lifecycle, delay: Duration) {
    signals.next().await;
    notify(NotifyState::Stopping);
    lifecycle.advance(Phase::Leaving);
    tracing::info!("stopping: not ready any more");
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = signals.next() => return,
    }
    tracing::info!("stopping: no new connections, the accepted requests are finished");
    lifecycle.advance(Phase::Draining);
    signals.next().await;
}

/// Tells the service manager that started us (systemd's `NOTIFY_SOCKET`), where there is one.
fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("the service manager can't be told: {error}");
    }
}

async fn listen(address: &ListenAddr, variable: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let refuse = |error: std::io::Error| {
        StartError::new(format!("The server can't listen on {address}: {error}. Set {variable} to a free address."))
    };
    let addresses = address.to_listen_on().map_err(refuse)?;
    let listener = TcpListener::bind(&addresses[..]).await.map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    Ok((listener, bound))
}

/// Asks the server on this machine whether it is well.
///
/// # Errors
/// A sentence, where it is not or does not answer.
pub fn health(address: &ListenAddr) -> Result<(), StartError> {
    let addresses = address.to_connect_to().unwrap_or_default();
    let answers = addresses.iter().any(|address| ask_for_health(address).unwrap_or(false));
    if answers {
        Ok(())
    } else {
        Err(StartError::new(format!("The server at {address} does not answer as it should.")))
    }
}

fn ask_for_health(address: &SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect_timeout(address, HEALTH_TIMEOUT)?;
    connection.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; b"HTTP/1.1 200".len()];
    connection.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}
