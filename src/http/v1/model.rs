//! `GET /api/v1/model`: the model, and the server's limits.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::app::App;
use crate::image::ACCEPTED;
use crate::model::{MapSize, Outputs};

/// The model, and the server's limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Model {
    /// Its name, as a paper or a library writes it.
    #[schema(example = "MobileNetV2")]
    name: String,
    /// The variant of it.
    version: String,
    /// The origin of its weights.
    source: String,
    /// SHA-256 of the file of its weights, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    weights_sha256: String,
    /// The licence of its weights (SPDX).
    #[schema(example = "Apache-2.0")]
    licence: String,
    /// The numbers that it computes with: `float32`, or `int8`, which is faster and answers nearly the same.
    #[schema(example = "float32")]
    precision: String,
    input: Input,
    /// The number of its labels.
    #[schema(example = 1000)]
    labels: usize,
    /// Whether the model is multi-label: an answer then has every label of at least `threshold`, else the three most likely.
    multi_label: bool,
    /// The least confidence of a label in an answer, where the request says nothing of it.
    #[schema(minimum = 0, maximum = 1, example = 0)]
    threshold: f32,
    /// The size of the class activation maps that `explain=true` gives, if the model has them.
    activation: Option<Maps>,
    /// A text that is another one when another model serves. The header `Model-Revision` of answers has it too.
    #[schema(example = "5b0a1c2d3e4f5061")]
    revision: String,
    limits: Limits,
    /// The formats that are decoded, as media types and endings of file names.
    #[schema(example = json!(["image/jpeg", ".heic"]))]
    formats: &'static [&'static str],
}

/// The size to which a picture is resized, in pixels.
#[derive(Serialize, ToSchema)]
struct Input {
    #[schema(example = 224)]
    width: u32,
    #[schema(example = 224)]
    height: u32,
}

/// The size of a class activation map.
#[derive(Serialize, ToSchema)]
struct Maps {
    #[schema(example = 7)]
    rows: usize,
    #[schema(example = 7)]
    columns: usize,
}

/// The server's limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Limits {
    /// The largest request body, in bytes.
    #[schema(example = 20_971_520)]
    body_bytes: usize,
    /// The most pictures in one request.
    #[schema(example = 32)]
    batch: usize,
    /// The largest picture, in pixels: width times height.
    #[schema(example = 50_000_000)]
    pixels: u64,
    /// The memory that one picture may take, in bytes.
    #[schema(example = 640_000_000)]
    picture_bytes: u64,
    /// The longest that an analysis may take, in milliseconds.
    #[schema(example = 10_000)]
    timeout_ms: u64,
}

/// The model, and the server's limits
#[utoipa::path(
    get,
    path = "/api/v1/model",
    tag = "analysis",
    responses((status = 200, description = "The model and the limits.", body = Model))
)]
pub(in crate::http) async fn model(State(app): State<App>) -> Json<Model> {
    let model = app.model();
    let (multi_label, threshold) = match model.output {
        Outputs::Softmax => (false, 0.0),
        Outputs::Sigmoid { threshold } => (true, threshold),
    };
    Json(Model {
        name: model.name.clone(),
        version: model.version.clone(),
        source: model.source.clone(),
        weights_sha256: model.weights_sha256.clone(),
        licence: model.licence.clone(),
        precision: model.precision.clone(),
        input: Input { width: model.input.width, height: model.input.height },
        labels: model.labels.len(),
        multi_label,
        threshold,
        activation: model.activation.map(|MapSize { rows, columns }| Maps { rows, columns }),
        revision: model.revision.clone(),
        formats: ACCEPTED,
        limits: Limits {
            body_bytes: app.body_limits.max_bytes,
            batch: app.max_batch,
            pixels: app.max_pixels,
            picture_bytes: app.max_picture_bytes,
            timeout_ms: u64::try_from(app.engine.timeout().as_millis()).unwrap_or(u64::MAX),
        },
    })
}
