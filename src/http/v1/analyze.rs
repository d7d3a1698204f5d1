//! `POST /api/v1/analyze`: `{"base64Image": "..."}` in, the three most likely labels out.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::ToSchema;

use crate::engine::json::{self as field, Field};
use crate::engine::{Analysis, Payload, Timings};
use crate::error::Error;
use crate::http::{App, body, openapi, problem};

/// The name of the body's field.
const FIELD: &str = "base64Image";

/// Where the time went.
pub(in crate::http) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// A picture to be analysed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the body is read by `field`, which leaves the text where it is")]
pub(in crate::http) struct Picture {
    /// JPEG, PNG, WebP, GIF (the first frame), BMP or TIFF as base64, bare or as a `data:` URL.
    #[schema(min_length = 1, example = json!(openapi::PICTURE))]
    base64_image: String,
}

/// What is in a picture
///
/// Its three most likely labels, the most likely first.
#[utoipa::path(
    post,
    path = "/api/v1/analyze",
    tag = "analysis",
    security((), ("bearer" = []), ("key" = [])),
    request_body = Picture,
    responses(openapi::OfAnalyze)
)]
pub(in crate::http) async fn analyze(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(analysis) => response(&analysis),
        Err(error) => problem::error(&error),
    }
}

async fn answer(app: &App, request: Request) -> Result<Analysis, Error> {
    let body = body::read(app, request, body::require_json).await?;
    app.analyze(payload(&body)?).await
}

fn payload(body: &Bytes) -> Result<Payload, Error> {
    match field::read(body, FIELD) {
        Ok(Field::Text(text)) if !text.is_empty() => Ok(Payload::Base64(field::share(body, text))),
        Ok(Field::Text(_) | Field::Absent | Field::Null) => Err(Error::MissingImage),
        Ok(Field::Other) | Err(_) => Err(Error::InvalidBody),
    }
}

/// The labels as the body, the time they took as `Server-Timing`.
pub(in crate::http) fn response(analysis: &Analysis) -> Response {
    let mut response = Json(&analysis.predictions).into_response();
    if let Ok(value) = HeaderValue::from_str(&server_timing(&analysis.timings)) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
    response
}

/// Milliseconds, in the form of the W3C's Server Timing.
fn server_timing(timings: &Timings) -> String {
    let stages = [
        ("queue", timings.queue),
        ("decode", timings.decode),
        ("resize", timings.resize),
        ("inference", timings.inference),
    ];
    stages.map(|(name, time)| format!("{name};dur={:.3}", time.as_secs_f64() * 1000.0)).join(", ")
}
