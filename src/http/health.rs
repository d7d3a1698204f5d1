//! `GET /health`, `/livez`, `/readyz`: health checks.
//!
//! The server listens once the model is loaded, so none of them answers before.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use crate::server::lifecycle::Phase;

/// The server's health.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, `ready`, or why the server is not ready.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the server answers
///
/// The same as `/livez`, under the name that it had before.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, description = "It does.", body = Health)))]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the server lives
#[utoipa::path(get, path = "/livez", tag = "operation", responses((status = 200, description = "It does.", body = Health)))]
pub(super) async fn live() -> Json<Health> {
    health().await
}

/// Whether the server wants requests
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "It does.", body = Health, example = json!({ "status": "ready" })),
        (
            status = 503,
            description = "It is about to end, or a worker is missing.",
            body = Health,
            example = json!({ "status": "stopping" })
        ),
    )
)]
pub(super) async fn ready(State(app): State<App>) -> Response {
    let (status, word) = if app.lifecycle.phase() > Phase::Serving {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if !app.engine.is_whole() {
        (StatusCode::SERVICE_UNAVAILABLE, "a worker is missing")
    } else {
        (StatusCode::OK, "ready")
    };
    (status, Json(Health { status: word })).into_response()
}
