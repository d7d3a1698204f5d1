//! `GET /metrics`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::App;
use crate::telemetry::metrics::Now;

/// The text format that Prometheus reads, version 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics, for Prometheus
///
/// Only if `METRICS_ADDR` is not set.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "The text format, version 0.0.4.", body = String, content_type = TEXT))
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let model = app.model();
    let now = Now {
        queue_depth: app.engine.waiting(),
        inflight_bytes: app.budget.taken(),
        inflight_bytes_limit: app.budget.size(),
        picture_bytes_limit: usize::try_from(app.max_picture_bytes).unwrap_or(usize::MAX),
        workers: app.engine.workers(),
        is_ready: app.is_ready(),
        instance: &app.instance,
        model: &model,
    };
    ([(CONTENT_TYPE, TEXT)], app.metrics.render(&now)).into_response()
}
