//! `GET /metrics`, and the middleware that counts.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::Cause;
use crate::telemetry::metrics::{self, Now};

/// The route of whatever is a page or a file of the site, or nothing.
const SITE: &str = "site";

/// The text format that Prometheus reads, version 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What Prometheus reads
///
/// Here only where `METRICS_ADDR` names no other port.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "The text format, version 0.0.4.", body = String, content_type = TEXT))
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let now = Now { queue_depth: app.engine.waiting(), inflight_bytes: app.budget.taken(), model: &app.model };
    ([(CONTENT_TYPE, TEXT)], app.metrics.render(&now)).into_response()
}

pub(super) async fn count(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = known(request.method()).unwrap_or("other");
    let response = next.run(request).await;
    let route = route.as_ref().map_or(SITE, MatchedPath::as_str);
    metrics::request(route, method, response.status().as_u16(), begun.elapsed());
    if let Some(reason) = response.extensions().get().and_then(|Cause(error)| error.rejection()) {
        metrics::rejected(reason);
    }
    response
}

/// A client may call its method anything: what is none of the usual is none.
pub(super) fn known(method: &Method) -> Option<&'static str> {
    match *method {
        Method::GET => Some("GET"),
        Method::HEAD => Some("HEAD"),
        Method::POST => Some("POST"),
        Method::PUT => Some("PUT"),
        Method::DELETE => Some("DELETE"),
        Method::OPTIONS => Some("OPTIONS"),
        Method::PATCH => Some("PATCH"),
        _ => None,
    }
}
