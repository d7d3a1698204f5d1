//! `GET /api/v1/model`: which model answers, and what the server takes.

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
        "precision": model.precision,
        "input": { "width": model.input.width, "height": model.input.height },
        "labels": model.labels.len(),
        "limits": {
            "bodyBytes": app.max_body_bytes,
            "pixels": app.max_pixels,
            "timeoutMs": u64::try_from(app.timeout.as_millis()).unwrap_or(u64::MAX),
        },
    }))
}
