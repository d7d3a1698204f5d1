//! `POST /predict`: the contract of the Python service that glimpse replaces, so that a gateway
//! which called it can call us. `{"image_data": "..."}` in, the same labels out; errors as
//! `{"detail": ...}`.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::field::{self, Field, Malformed};
use super::{App, analyze, body, respond};
use crate::engine::{Analysis, Payload};
use crate::error::Error;

const FIELD: &str = "image_data";

/// All that the replaced service ever said of a picture that it could not classify.
const FAILED: &str = "Internal server error during model inference.";

pub(super) async fn predict(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(analysis) => analyze::response(&analysis),
        Err((error, detail)) => respond::with_json(&error, error.predict_status(), &json!({ "detail": detail })),
    }
}

/// An error that the replaced service did not have.
pub(super) fn refused(error: &Error) -> Response {
    respond::with_json(error, error.predict_status(), &json!({ "detail": error.to_string() }))
}

async fn answer(app: &App, request: Request) -> Result<Analysis, (Error, Value)> {
    let body = body::read(app, request, |_| Ok(())).await.map_err(|error| {
        let detail = if error == Error::Busy { FAILED.into() } else { error.to_string().into() };
        (error, detail)
    })?;
    let payload = payload(&body)?;
    app.analyze(payload).await.map_err(|error| (error, FAILED.into()))
}

fn payload(body: &Bytes) -> Result<Payload, (Error, Value)> {
    let problem = |kind: &str, place: Value, message: &str| json!([{ "type": kind, "loc": place, "msg": message }]);
    let field = field::read(body, FIELD).map_err(|malformed| {
        let detail = match malformed {
            Malformed::NotJson { column } => problem("json_invalid", json!(["body", column]), "JSON decode error"),
            Malformed::NotAnObject => {
                problem("model_attributes_type", json!(["body"]), "Input should be a valid dictionary")
            }
        };
        (Error::InvalidBody, detail)
    })?;
    match field {
        Field::Text(text) => Ok(Payload::Base64(field::share(body, text))),
        Field::Absent => Err((Error::MissingImage, problem("missing", json!(["body", FIELD]), "Field required"))),
        Field::Null | Field::Other => {
            Err((Error::InvalidBody, problem("string_type", json!(["body", FIELD]), "Input should be a valid string")))
        }
    }
}
