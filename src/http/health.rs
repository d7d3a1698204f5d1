//! `GET /health`, `/livez`, `/readyz`: whether the server answers, lives, and wants requests.
//!
//! It listens only once the model is loaded: before that none of them answers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use crate::lifecycle::Phase;

pub(super) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(super) async fn ready(State(app): State<App>) -> Response {
    let (status, word) = if app.lifecycle.phase() > Phase::Serving {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if !app.engine.is_whole() {
        (StatusCode::SERVICE_UNAVAILABLE, "a worker is missing")
    } else {
        (StatusCode::OK, "ready")
    };
    (status, Json(json!({ "status": word }))).into_response()
}
