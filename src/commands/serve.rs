//! The command that serves: configuration -> model -> engine -> doors -> server.

use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, JpegDecode};
use crate::engine::{Decoding, Engine, Limits, Pipeline};
use crate::error::StartError;
use crate::guard::Budget;
use crate::http::{self, Access, App, Site};
use crate::model::{Classifier, Runtime};
use crate::server::lifecycle::Lifecycle;
use crate::server::{self, Signals};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{Traces, logs};

/// Serves until SIGTERM or Ctrl-C; `started` is when `main` began.
///
/// # Errors
/// A sentence, where something that is configured can't be used.
pub fn serve(config: &Config, started: Instant) -> Result<(), StartError> {
    let traces = Traces::start()?;
    // Flushes the log on every way out.
    let _log = logs::start(config, traces.as_ref())?;
    let app = load(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format!("The system refuses the server's threads: {error}.")))?;
    runtime.block_on(run(app, config, started))?;
    // Ends the spans of what was cut off.
    drop(runtime);
    if let Some(traces) = traces {
        traces.finish();
    }
    Ok(())
}

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
    let (listener, address) = server::listen(&config.listen_addr, "LISTEN_ADDR").await?;
    let metrics_listener = match &config.metrics_addr {
        Some(address) => Some(server::listen(address, "METRICS_ADDR").await?),
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
    server::ready();
    tokio::spawn(app.metrics.clone().keep_up());
    tokio::spawn(app.access.clone().keep_up());
    if let Some((listener, address)) = metrics_listener {
        tracing::info!(%address, "metrics");
        let (router, limits, lifecycle) =
            (http::metrics_router(app.clone()), config.connections, app.lifecycle.clone());
        tokio::spawn(async move { server::serve(listener, router, limits, &lifecycle).await });
    }
    let (lifecycle, engine) = (app.lifecycle.clone(), app.engine.clone());
    let router = http::router(app, &config.cors_allow_origins);
    tokio::select! {
        all = server::serve(listener, router, config.connections, &lifecycle) => {
            if !all {
                tracing::warn!("some connections were still open and are cut off");
            }
            engine.rest(config.inference_timeout).await;
            tracing::info!("stopped");
            Ok(())
        }
        () = server::shut_down(&mut signals, &lifecycle, config.connections.shutdown_delay) => {
            Err(StartError::new("The server was told to end a second time: what it had not finished is cut off."))
        }
    }
}
