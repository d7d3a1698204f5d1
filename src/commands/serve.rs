//! The command that serves: configuration -> model -> engine -> doors -> server.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::config::{Budgets, Config, JpegDecode, ModelFile, Pipeline};
use crate::doors::Doors;
use crate::engine::{Capacity, Engine, KeptMemory, Settings, Worker};
use crate::error::StartError;
use crate::guard::{Access, BodyLimits, Budget};
use crate::http::{self, App, Site, State};
use crate::model::{Catalogue, Model, Runtime};
use crate::server::lifecycle::Lifecycle;
use crate::server::{self, Hangups, Signals};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{Traces, logs};

/// Bytes that all workers together may keep from picture to picture: the pixels of two photographs of 16 megapixels, or the
/// buffers of 64 workers for small ones.
const KEPT_BYTES: usize = 96 << 20;

/// The time without work after which the workers give back their memory: longer than the gaps between the requests of a client
/// that sends one picture after another.
const REST: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or Ctrl-C; `started` is when `main` began.
///
/// # Errors
/// A sentence that names the option that can't be used.
pub fn serve(config: &Config, started: Instant) -> Result<(), StartError> {
    let traces = Traces::start(&config.log.instance_id)?;
    // Flushes the log on every way out.
    let _log = logs::start(config, traces.as_ref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(refused)?;
    // Before the model is loaded, which takes a moment: SIGHUP would end the process.
    let hangups = runtime.block_on(async { Hangups::listen() })?;
    let app = load(config)?;
    let catalogue = app.catalogue.clone();
    let is_at_rest = runtime.block_on(run(app, hangups, config, started))?;
    // Ends the spans of the requests that were cut off. A model that is being loaded is waited for.
    runtime.shutdown_timeout(config.engine.inference_timeout);
    if let Some(traces) = traces {
        traces.finish();
    }
    if !is_at_rest || catalogue.is_loading() {
        server::exit_now(0);
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn refused(error: io::Error) -> StartError {
    StartError::new(format!("The system refuses the server's threads: {error}."))
}

/// Loads the model and makes the workers, which share it.
///
/// # Errors
/// A sentence, where ONNX Runtime or the model can't be used.
pub fn workers(config: &Config) -> Result<(Vec<Worker>, Arc<Model>), StartError> {
    let runtime = Runtime::load(&config.model.file.library())?;
    workers_of(&runtime, &config.model.file, &config.pipeline, config.budgets(), config.bodies.max_body_bytes)
}

/// The same in a `runtime`, for compressed payloads that inflate to `max_payload_bytes` at most.
pub(super) fn workers_of(
    runtime: &Runtime,
    file: &ModelFile,
    pipeline: &Pipeline,
    budgets: Budgets,
    max_payload_bytes: usize,
) -> Result<(Vec<Worker>, Arc<Model>), StartError> {
    let model = Model::load(runtime, &file.source())?;
    let settings = Settings {
        max_pixels: pipeline.max_pixels,
        max_picture_bytes: budgets.max_picture_bytes as u64,
        max_payload_bytes,
        reduces_jpeg: pipeline.jpeg_decode == JpegDecode::Reduced,
        decoder: pipeline.decoder.clone(),
        kept: KeptMemory::new(KEPT_BYTES),
    };
    let workers = (0..budgets.workers).map(|_| Worker::new(model.clone(), settings.clone())).collect();
    Ok((workers, model))
}

/// Loads the model and starts the workers.
///
/// # Errors
/// A sentence, where the site, ONNX Runtime or the model can't be used.
pub fn load(config: &Config) -> Result<App, StartError> {
    // Creating the metrics calibrates their clock, which keeps one core busy for about 20 ms. The model is loaded on another
    // core meanwhile.
    let metrics = thread::Builder::new().name("metrics".to_owned()).spawn(Metrics::start).map_err(refused)?;
    let site = Site::open(config.site.web_dir.clone())?;
    let source = config.model.file.source();
    if config.model.watch && !source.is_file() {
        return Err(StartError::new(
            "WATCH needs a file, and the model is a part of this executable: set MODEL_PATH, or leave WATCH out.",
        ));
    }
    let runtime = Runtime::load(&config.model.file.library())?;
    let stamp = source.stamp();
    let budgets = config.budgets();
    let Budgets { max_inflight_bytes, max_picture_bytes, .. } = budgets;
    tracing::info!(
        memory_limit = budgets.memory_limit,
        workers = budgets.workers,
        max_inflight_bytes,
        max_picture_bytes,
        "budgets"
    );
    let max_body_bytes = config.bodies.max_body_bytes;
    let (workers, model) = workers_of(&runtime, &config.model.file, &config.pipeline, budgets, max_body_bytes)?;
    let capacity = Capacity { queue_depth: config.engine.queue_depth, timeout: config.engine.inference_timeout };
    let engine = Arc::new(Engine::new(workers, capacity)?);
    let budget = Budget::new(max_inflight_bytes);
    if budget.largest() < max_body_bytes {
        return Err(StartError::new(format!(
            "A body of MAX_BODY_BYTES ({max_body_bytes}) does not fit into three quarters of MAX_INFLIGHT_BYTES \
             ({max_inflight_bytes}): set it to more.",
        )));
    }
    Ok(App::new(State {
        engine,
        budget,
        catalogue: Arc::new(Catalogue::new(model, runtime, source, stamp, config.model.model_name.clone())),
        site,
        access: Arc::new(Access::new(&config.access)?),
        instance: config.log.instance_id.clone(),
        metrics: metrics.join().map_err(|_| StartError::new("The metrics can't be started: see the log."))?,
        shows_metrics: config.access.metrics_addr.is_none(),
        lifecycle: Lifecycle::new(),
        body_limits: BodyLimits {
            max_bytes: max_body_bytes,
            timeout: config.connections.body_timeout,
            min_rate: config.connections.min_body_rate,
        },
        adapters: config.adapters.adapters(),
        idle_timeout: config.connections.keep_alive_timeout,
        max_batch: config.engine.max_batch,
        max_pixels: config.pipeline.max_pixels,
        max_picture_bytes: max_picture_bytes as u64,
    }))
}

/// Listens and serves until SIGTERM or Ctrl-C, and returns whether no worker runs any more. A second signal ends the
/// process. `started` is when `main` began.
///
/// # Errors
/// If the server can't listen.
pub async fn run(app: App, hangups: Hangups, config: &Config, started: Instant) -> Result<bool, StartError> {
    let mut signals = Signals::listen()?;
    let (listener, address) = server::listen(&config.listen_addr(), "LISTEN_ADDR").await?;
    let metrics_listener = match &config.access.metrics_addr {
        Some(address) => Some(server::listen(address, "METRICS_ADDR").await?),
        None => None,
    };
    let model = app.model();
    tracing::info!(
        %address,
        version = env!("CARGO_PKG_VERSION"),
        model = model.name,
        model_version = model.version,
        precision = model.precision,
        labels = model.labels.len(),
        keys = app.access.keys().len(),
        workers = app.engine.workers(),
        ready_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    drop(model);
    server::ready();
    let reloads = tokio::spawn(super::reload::keep_up(app.clone(), hangups, config.model.watch));
    tokio::spawn(app.metrics.clone().keep_up());
    let (engine, budget) = (app.engine.clone(), app.budget.clone());
    tokio::spawn(async move { engine.give_back_after(REST, || budget.give_back()).await });
    let access = app.access.clone();
    tokio::spawn(async move { access.keep_up().await });
    if let Some((listener, address)) = metrics_listener {
        tracing::info!(%address, "metrics");
        let (router, limits, lifecycle) =
            (http::metrics_router(app.clone()), config.connections, app.lifecycle.clone());
        tokio::spawn(async move { server::serve(listener, router, limits, &lifecycle).await });
    }
    let (lifecycle, engine) = (app.lifecycle.clone(), app.engine.clone());
    let doors = Doors::new(app, &config.access.cors_allow_origins);
    let served = async {
        if !server::serve(listener, doors, config.connections, &lifecycle).await {
            tracing::warn!("some connections were still open and are cut off");
        }
        // No model is adopted any more. One that is being loaded is waited for when the runtime ends.
        reloads.abort();
        let _ = reloads.await;
        let is_at_rest = engine.rest(config.engine.inference_timeout).await;
        tracing::info!("stopped");
        is_at_rest
    };
    tokio::select! {
        is_at_rest = served => Ok(is_at_rest),
        () = server::shut_down(&mut signals, &lifecycle, config.connections.shutdown_delay) => {
            server::abort("The server was told to end a second time: what it had not finished is cut off.")
        }
    }
}
