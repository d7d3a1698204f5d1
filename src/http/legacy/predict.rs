//! `POST /predict`: the contract of the Python service that glimpse replaces, so that a gateway
//! which called it can call us. `{"image_data": "..."}` in, the same labels out; errors as
//! `{"detail": ...}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::engine::json::{self as field, Field, Malformed};
use crate::engine::{Analysis, Payload};
use crate::error::Error;
use crate::http::v1::analyze;
use crate::http::{App, body, openapi, problem};

const FIELD: &str = "image_data";

/// All that the replaced service ever said of a picture that it could not classify.
const FAILED: &str = "Internal server error during model inference.";

/// A picture to be analysed, as the replaced service took it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the body is read by `field`, which leaves the text where it is")]
pub(in crate::http) struct PictureData {
    /// As `base64Image` of `/api/v1/analyze`.
    #[schema(example = json!(openapi::PICTURE))]
    image_data: String,
}

/// Why a request was refused, as the replaced service said it.
#[derive(Serialize, ToSchema)]
#[schema(as = PredictError)]
pub(in crate::http) struct Refusal {
    #[schema(inline)]
    detail: Detail,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Detail {
    /// One sentence.
    Sentence(String),
    /// What does not fit in the request's body.
    Problems(Vec<Problem>),
}

/// What does not fit in a request's body.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Problem {
    /// Which kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where it is: the names of what it is in, and the column in what is no JSON.
    #[schema(value_type = Vec<Value>)]
    loc: Value,
    /// What is wrong.
    msg: &'static str,
}

impl Refusal {
    /// Of an error that is not about a field: the replaced service had few words for a failure.
    pub(in crate::http) fn of(error: &Error) -> Self {
        let is_failure = error.predict_status() == StatusCode::INTERNAL_SERVER_ERROR;
        Self { detail: Detail::Sentence(if is_failure { FAILED.into() } else { error.to_string() }) }
    }

    fn problem(kind: &'static str, loc: Value, msg: &'static str) -> Self {
        Self { detail: Detail::Problems(vec![Problem { kind, loc, msg }]) }
    }

    /// Of a body without the field.
    pub(in crate::http) fn missing() -> Self {
        Self::problem("missing", json!(["body", FIELD]), "Field required")
    }

    /// Of a field that is no text.
    pub(in crate::http) fn no_text() -> Self {
        Self::problem("string_type", json!(["body", FIELD]), "Input should be a valid string")
    }
}

/// What is in a picture, as the replaced service had it
///
/// For gateways that called it: the same answer as `/api/v1/analyze`, its own names and statuses.
#[utoipa::path(
    post,
    path = "/predict",
    tag = "analysis",
    security((), ("bearer" = []), ("key" = [])),
    request_body = PictureData,
    responses(openapi::OfPredict)
)]
pub(in crate::http) async fn predict(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(analysis) => analyze::response(&analysis),
        Err((error, refusal)) => problem::with_json(&error, error.predict_status(), &refusal),
    }
}

/// An error in the shape of this route.
pub(in crate::http) fn refused(error: &Error) -> Response {
    problem::with_json(error, error.predict_status(), &Refusal::of(error))
}

async fn answer(app: &App, request: Request) -> Result<Analysis, (Error, Refusal)> {
    let refuse = |error: Error| {
        let refusal = Refusal::of(&error);
        (error, refusal)
    };
    let body = body::read(app, request, |_| Ok(())).await.map_err(refuse)?;
    app.analyze(payload(&body)?).await.map_err(refuse)
}

fn payload(body: &Bytes) -> Result<Payload, (Error, Refusal)> {
    let field = field::read(body, FIELD).map_err(|malformed| {
        let refusal = match malformed {
            Malformed::NotJson { column } => {
                Refusal::problem("json_invalid", json!(["body", column]), "JSON decode error")
            }
            Malformed::NotAnObject => {
                Refusal::problem("model_attributes_type", json!(["body"]), "Input should be a valid dictionary")
            }
        };
        (Error::InvalidBody, refusal)
    })?;
    match field {
        Field::Text(text) => Ok(Payload::Base64(field::share(body, text))),
        Field::Absent => Err((Error::MissingImage, Refusal::missing())),
        Field::Null | Field::Other => Err((Error::InvalidBody, Refusal::no_text())),
    }
}
