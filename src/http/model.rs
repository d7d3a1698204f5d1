//! `GET /api/v1/model`: which model answers.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::App;

pub(super) async fn model(State(app): State<App>) -> Json<Value> {
    let model = &app.model;
    Json(json!({
        "name": model.name,
        "version": model.version,
        "source": model.source,
        "weightsSha256": model.weights_sha256,
        "licence": model.licence,
        "input": { "width": model.input.width, "height": model.input.height },
        "labels": model.labels.len(),
    }))
}
