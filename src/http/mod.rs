//! HTTP: a file for each route, a file for each middleware, and the router that joins them.

mod access_log;
mod analyze;
mod body;
mod cors;
mod field;
mod health;
mod model;
mod page;
mod panic;
mod predict;
mod request_id;
mod respond;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::config::Origins;
use crate::engine::Engine;
use crate::error::Error;
use crate::model::Metadata;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct App {
    /// What analyses pictures.
    pub engine: Arc<Engine>,
    /// The model that it uses.
    pub model: Arc<Metadata>,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
}

/// Every route, behind every middleware.
pub fn router(app: App, origins: &Origins) -> Router {
    let routes = Router::new()
        .route("/", get(page::start))
        .route("/health", get(health::health))
        .route("/predict", post(predict::predict))
        .route("/api/v1/analyze", post(analyze::analyze))
        .route("/api/v1/model", get(model::model))
        .fallback(|| async { respond::error(&Error::NotFound) })
        .method_not_allowed_fallback(|| async { respond::error(&Error::MethodNotAllowed) })
        .with_state(app);
    middlewares(routes, origins)
}

/// From the inside out. The panic handler is innermost, so that the log has its 500; the log is
/// inside the request id, so that its line has the id.
fn middlewares(routes: Router, origins: &Origins) -> Router {
    routes
        .layer(panic::layer())
        .layer(cors::layer(origins))
        .layer(from_fn(access_log::access_log))
        .layer(from_fn(request_id::request_id))
}

#[cfg(test)]
mod tests;
