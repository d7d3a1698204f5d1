//! `GET /health`: whether the server answers. It listens only once the model is loaded.

use axum::Json;
use serde_json::{Value, json};

pub(super) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
