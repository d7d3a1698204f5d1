//! Errors as responses.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;

/// What went wrong, left on the response for the access log.
#[derive(Clone, Debug)]
pub(super) struct Cause(pub(super) Error);

/// Why a request was refused: the shape of every error but those of `/predict` and of the pages.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct Refusal {
    /// One sentence that says what to do.
    message: String,
}

impl Refusal {
    pub(super) fn of(error: &Error) -> Self {
        Self { message: error.to_string() }
    }
}

/// The error with the status and the body that it has everywhere but on `/predict` and on the pages.
pub(super) fn error(error: &Error) -> Response {
    with_json(error, error.status(), &Refusal::of(error))
}

/// An error with this status and JSON.
pub(super) fn with_json(error: &Error, status: StatusCode, body: &impl Serialize) -> Response {
    because(error, (status, Json(body)).into_response())
}

/// `response` as the answer to a request that failed: with what else belongs to such a one.
pub(super) fn because(error: &Error, mut response: Response) -> Response {
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if *error == Error::Unauthorized {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response.extensions_mut().insert(Cause(error.clone()));
    response
}
