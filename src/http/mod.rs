//! HTTP: a file for each route, a file for each middleware, and the router that joins them.

mod access;
mod access_log;
mod body;
mod cors;
mod form;
mod health;
mod host;
mod legacy;
mod metrics;
mod openapi;
mod panic;
mod problem;
mod request_id;
mod site;
mod trace;
mod v1;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::Origins;
use crate::engine::{Analysis, Engine, Payload};
use crate::error::Error;
use crate::guard::Budget;
use crate::model::Metadata;
use crate::server::lifecycle::Lifecycle;
use crate::telemetry::metrics::Metrics;
pub use access::Access;
pub use openapi::description;
pub use site::Site;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct App {
    /// What analyses pictures.
    pub engine: Arc<Engine>,
    /// The memory for the bodies of requests.
    pub budget: Budget,
    /// The model that it uses.
    pub model: Arc<Metadata>,
    /// Who may ask, and how often.
    pub access: Access,
    /// Where the web site comes from.
    pub site: Site,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the metrics are asked for on this port.
    pub shows_metrics: bool,
    /// Which phase of its life the server is in.
    pub lifecycle: Lifecycle,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The time that a body has to come in, however small it is.
    pub body_timeout: Duration,
    /// The bytes of a body for which it has another second.
    pub min_body_rate: u32,
    /// The largest picture, in pixels.
    pub max_pixels: u64,
    /// The longest that an analysis may wait and be worked on.
    pub timeout: Duration,
}

impl App {
    /// Has a picture analysed, and counts it.
    async fn analyze(&self, payload: Payload) -> Result<Analysis, Error> {
        let analysis = self.engine.analyze(payload).await?;
        crate::telemetry::metrics::analysed(&analysis.timings);
        Ok(analysis)
    }
}

/// Every route, behind every middleware.
pub fn router(app: App, origins: &Origins) -> Router {
    let nothing = || async { problem::error(&Error::NotFound) };
    let not_allowed = || async { problem::error(&Error::MethodNotAllowed) };
    let guarded = from_fn_with_state(app.clone(), access::access);
    let api = Router::new()
        .route("/health", get(health::health))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/predict", post(legacy::predict::predict).layer(guarded.clone()))
        .route("/api/v1/analyze", post(v1::analyze::analyze).layer(guarded.clone()))
        .route("/api/v1/model", get(v1::model::model))
        .route(openapi::PATH, get(openapi::openapi))
        // What is no page of the site is never answered with one.
        .route("/api", any(nothing))
        .route("/api/", any(nothing))
        .route("/api/{*path}", any(nothing))
        .method_not_allowed_fallback(not_allowed);
    let pages = Router::new()
        .route("/answer", get(site::page).merge(post(form::answer).layer(guarded)))
        .method_not_allowed_fallback(not_allowed)
        .fallback(site::page)
        .layer(from_fn_with_state(app.clone(), site::headers::headers));
    let api = if app.shows_metrics { api.route("/metrics", get(metrics::metrics)) } else { api };
    let client = from_fn_with_state(app.clone(), access::client);
    let routes = api.merge(pages).with_state(app);
    middlewares(routes, origins).layer(client)
}

/// The metrics alone, for a port of their own.
pub fn metrics_router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics::metrics)).with_state(app)
}

/// From the inside out. The panic handler is innermost, so that the log has its 500; the log is
/// inside the request id, so that its line has the id; the trace is around all of them.
fn middlewares(routes: Router, origins: &Origins) -> Router {
    routes
        .layer(from_fn(host::require_host))
        .layer(panic::layer())
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(cors::layer(origins))
        .layer(from_fn(metrics::count))
        .layer(from_fn(access_log::access_log))
        .layer(from_fn(request_id::request_id))
        .layer(from_fn(trace::trace))
}

#[cfg(test)]
mod tests;
