//! Start, serve, finish.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ListenAddr};
use crate::engine::{Engine, Limits, Pipeline};
use crate::error::StartError;
use crate::http::{self, App, Site};
use crate::model::{Classifier, Runtime};

/// How long requests that were accepted may take to finish once the server is told to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long `glimpse health` waits.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Loads the model and starts the workers.
///
/// # Errors
/// A sentence, where the site, ONNX Runtime or the model can't be used.
pub fn load(config: &Config) -> Result<App, StartError> {
    let site = Site::open(config.web_dir())?;
    let runtime = Runtime::load(&config.library())?;
    let classifiers = Classifier::load(&runtime, &config.model(), config.worker_count())?;
    let model = classifiers.first().map(|classifier| classifier.metadata().clone());
    let model = model.ok_or_else(|| StartError::new("There must be at least one worker: set WORKERS to 1 or more."))?;
    let workers = classifiers.into_iter().map(|classifier| Pipeline::new(classifier, config.max_pixels));
    let workers: Vec<Pipeline> = workers
        .collect::<Result<_, _>>()
        .map_err(|_| StartError::new("There is not enough memory for the decoders."))?;
    let limits = Limits { queue_depth: config.queue_depth, timeout: config.inference_timeout };
    let engine = Arc::new(Engine::new(workers, limits)?);
    Ok(App {
        engine,
        model,
        site,
        max_body_bytes: config.max_body_bytes,
        max_pixels: config.max_pixels,
        timeout: config.inference_timeout,
    })
}

/// Listens and serves until SIGTERM or Ctrl-C; `started` is when `main` began.
///
/// # Errors
/// A sentence, where the server can't listen.
pub async fn run(app: App, config: &Config, started: Instant) -> Result<(), StartError> {
    let stop = stop_signal()?;
    let (listener, address) = listen(&config.listen_addr).await?;
    tracing::info!(
        %address,
        model = app.model.name,
        model_version = app.model.version,
        labels = app.model.labels.len(),
        workers = config.worker_count(),
        ready_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    let router = http::router(app, &config.cors_allow_origins);
    serve(listener, router, stop).await;
    tracing::info!("stopped");
    Ok(())
}

/// Serves until `stop` is done, then finishes what was accepted.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()> + Send + 'static) {
    let (told, mut stopping) = tokio::sync::watch::channel(false);
    let stop = async move {
        stop.await;
        tracing::info!("stopping: no new connections, the accepted requests are finished");
        let _ = told.send(true);
    };
    let listener = listener.tap_io(|connection| {
        // Answers are small: waiting to fill a packet only delays them.
        let _ = connection.set_nodelay(true);
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop);
    let out_of_time = async move {
        let _ = stopping.wait_for(|told| *told).await;
        tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        _ = serving => {}
        () = out_of_time => tracing::warn!("some connections were still open and are cut off"),
    }
}

async fn listen(address: &ListenAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refuse = |error: std::io::Error| {
        StartError::new(format!("The server can't listen on {address}: {error}. Set LISTEN_ADDR to a free address."))
    };
    let addresses = address.to_listen_on().map_err(refuse)?;
    let listener = TcpListener::bind(&addresses[..]).await.map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    Ok((listener, bound))
}

/// Done at the first SIGTERM or SIGINT after this call.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let listen = |kind| signal(kind).map_err(|error| StartError::new(format!("Signals can't be received: {error}.")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
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
