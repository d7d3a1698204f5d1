//! Another model without a pause: on SIGHUP, and with `--watch` whenever the model's file has changed.
//!
//! The new model is loaded beside the one that serves. Requests that have begun keep the old one, those that begin after the
//! swap have the new one. A file that can't be used is reported, and the old model goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::StartError;
use crate::http::App;
use crate::model::{Served, Stamp};
use crate::server::Hangups;
use crate::telemetry::metrics;

/// The time between two looks at the model's file. One that has not changed between two looks is taken as written.
const LOOK: Duration = Duration::from_secs(1);

/// The time between two looks whether the old model's last request is done.
const DONE: Duration = Duration::from_millis(10);

/// Waits for a reason to load the model anew and does it, again and again. Never returns.
pub async fn keep_up(app: App, mut hangups: Hangups, is_watching: bool) {
    loop {
        tokio::select! {
            () = hangups.next() => {}
            () = changed(&app), if is_watching => {}
        }
        reload(&app).await;
    }
}

/// Waits until the file is another one than the last that was tried, and has stopped changing.
async fn changed(app: &App) {
    let mut before = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = look(app).await;
        // A file that is missing is about to be replaced.
        if now.is_some() && now == before && now != app.catalogue.tried() {
            return;
        }
        before = now;
    }
}

/// The stamp of the file now. A file system on a network may keep its caller waiting.
async fn look(app: &App) -> Option<Stamp> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || app.catalogue.stamp()).await.unwrap_or_default()
}

/// Holds the old model until its last request is done, and drops it on a thread that may take its time.
async fn retire(old: Arc<Served>) {
    let is_in_use = |old: &Arc<Served>| {
        Arc::strong_count(old) > 1 || old.model.as_ref().is_some_and(|it| Arc::strong_count(it) > 1)
    };
    while is_in_use(&old) {
        tokio::time::sleep(DONE).await;
    }
    let _ = tokio::task::spawn_blocking(move || drop(old)).await;
}

async fn reload(app: &App) {
    let (begun, catalogue) = (Instant::now(), app.catalogue.clone());
    let loaded = tokio::task::spawn_blocking(move || catalogue.reload()).await;
    match loaded {
        Ok(Ok([new, old])) => {
            if let Some(model) = &new.model {
                app.engine.adopt(model);
            }
            metrics::reloaded();
            log(&new, begun);
            tokio::spawn(retire(old));
        }
        Ok(Err(error)) => refuse(app, &error),
        // The panic hook has logged it.
        Err(_) => refuse(app, &StartError::new("The model can't be loaded.")),
    }
}

fn log(new: &Arc<Served>, begun: Instant) {
    tracing::info!(
        model = new.name,
        model_version = new.version,
        precision = new.precision,
        labels = new.labels.len(),
        revision = new.revision,
        ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "another model serves"
    );
}

fn refuse(app: &App, error: &StartError) {
    metrics::not_reloaded();
    tracing::error!(model = app.model().name, "the model is not replaced: {error}");
}
