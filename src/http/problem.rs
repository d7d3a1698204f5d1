//! Errors in HTTP's form: a status, a message that names fields and headers, JSON, `Retry-After`.
//!
//! A handler returns a [`Problem`], which becomes the response `{"message": ...}`. A route with another form has a layer
//! that takes the problem from the response's extensions and renders it again.

use axum::Json;
use axum::http::header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, FieldFault, Malformed};
use crate::guard::BodyError;
use crate::protocol::choice::OutOfRange;
use crate::protocol::oip::Fault;
use crate::telemetry::metrics;
use crate::telemetry::reasons::Rejection;

/// The reason for a response that is not the requested one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// An error of the core.
    Core(Error),
    /// An error of the body.
    Body(BodyError),
    /// The body has another type than the route takes.
    MediaType {
        /// The type that the route takes.
        expected: &'static str,
    },
    /// The body has a content coding that is not supported.
    Coding,
    /// A key is required, and the request has none or a wrong one.
    Unauthorized,
    /// The client asks more often than it may.
    TooManyRequests {
        /// Seconds after which the next request may pass.
        seconds: u64,
    },
    /// The client has sent too many wrong keys.
    TooManyWrongKeys {
        /// Seconds after which the next one is checked.
        seconds: u64,
    },
    /// No route has this path.
    NotFound,
    /// The path exists, for other methods.
    MethodNotAllowed,
    /// The request has no Host, several, or a malformed one.
    Host,
    /// The request contradicts the protocol of its route, in these words.
    Protocol(String),
    /// The server has no model of this name.
    NoModel {
        /// The name that the client asked for.
        name: String,
    },
    /// The server has no service of the name that the client asked for.
    NoService,
    /// An error of one of several inputs.
    Input {
        /// Its place in the request, from 0.
        index: usize,
        /// The error.
        error: Error,
    },
    /// A parameter of the query has a value that is no number or out of range.
    Parameter {
        /// The name of the parameter.
        name: &'static str,
        /// The values that it may have.
        expected: String,
    },
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::Core(malformed.into())
    }
}

impl From<OutOfRange> for Problem {
    fn from(OutOfRange { name, expected }: OutOfRange) -> Self {
        Self::Parameter { name, expected }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Invalid(sentence) => Self::Protocol(sentence),
            Fault::Core { error, index: None } => Self::Core(error),
            Fault::Core { error, index: Some(index) } => Self::Input { index, error },
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// The JSON of every error but those of the replaced service and of the pages.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct Message {
    /// One sentence that says what to do.
    message: String,
}

impl Problem {
    /// The status on every route but `/predict`.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Core(error) | Self::Input { error, .. } => status(error),
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::NoRoom | BodyError::OutOfMemory | BodyError::Idle | BodyError::Ending) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::Incomplete) | Self::Host | Self::Parameter { .. } | Self::Protocol(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::MediaType { .. } | Self::Coding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyRequests { .. } | Self::TooManyWrongKeys { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound | Self::NoModel { .. } | Self::NoService => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// A sentence for the client that names the fault and, where there is one, the remedy.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Core(Error::Malformed(malformed)) => message(malformed),
            Self::Core(Error::PayloadTooLarge { limit }) | Self::Body(BodyError::TooLarge { limit }) => {
                format!("The request body is larger than {limit} bytes: send a smaller picture")
            }
            Self::Core(error) => error.to_string(),
            Self::Body(BodyError::NoRoom) => Error::Busy.to_string(),
            Self::Body(BodyError::OutOfMemory) => Error::OutOfMemory.to_string(),
            Self::Body(BodyError::Idle) => "No message has come for too long: open a new stream".into(),
            Self::Body(BodyError::Ending) => "The server is about to end: connect again".into(),
            Self::Body(BodyError::TooSlow) => "The request body came too slowly: send it again".into(),
            Self::Body(BodyError::Incomplete) => "The request body ended too early: send it again".into(),
            Self::MediaType { expected } => format!("Content-Type must be {expected}"),
            Self::Coding => "Content-Encoding must be gzip, deflate or identity".into(),
            Self::Unauthorized => "An API key is required: send one as Authorization: Bearer, or as X-API-Key".into(),
            Self::TooManyRequests { seconds } => format!("Too many requests: try again in {seconds} s"),
            Self::TooManyWrongKeys { seconds } => format!("Too many wrong API keys: try again in {seconds} s"),
            Self::NotFound => "There is nothing at this path".into(),
            Self::MethodNotAllowed => "This method is not allowed at this path".into(),
            Self::Protocol(sentence) => sentence.clone(),
            Self::NoModel { name } => format!("There is no model {name:?}: GET /v2/models lists those that there are"),
            Self::NoService => "There is no service of this name".into(),
            Self::Input { index, error } => format!("Input {index}: {}", Self::from(error.clone()).message()),
            Self::Parameter { name, expected } => format!("{name} must be {expected}"),
            Self::Host => "The request must have one valid Host header".into(),
        }
    }

    /// The JSON body.
    pub(super) fn body(&self) -> Message {
        Message { message: self.message() }
    }

    /// The reason in `glimpse_rejected_total`. `None` for problems that the metric does not count.
    const fn reason(&self) -> Option<Rejection> {
        match self {
            Self::Core(Error::Busy) | Self::Body(BodyError::NoRoom) => Some(Rejection::Busy),
            Self::Core(Error::OutOfMemory) | Self::Body(BodyError::OutOfMemory) => Some(Rejection::NoMemory),
            Self::Core(Error::DeadlineExceeded) => Some(Rejection::Deadline),
            Self::Core(Error::PayloadTooLarge { .. }) | Self::Body(BodyError::TooLarge { .. }) => {
                Some(Rejection::BodyTooLarge)
            }
            Self::Core(Error::TooManyPixels { .. } | Error::SideTooLong { .. }) => Some(Rejection::TooManyPixels),
            Self::Core(Error::TooCostly { .. }) => Some(Rejection::TooCostly),
            Self::Body(BodyError::TooSlow) => Some(Rejection::BodyTooSlow),
            Self::Unauthorized => Some(Rejection::Unauthorized),
            Self::TooManyWrongKeys { .. } => Some(Rejection::WrongKeys),
            Self::TooManyRequests { .. } => Some(Rejection::RateLimited),
            _ => None,
        }
    }

    /// Counts the problem in `glimpse_rejected_total`, if the metric counts it.
    pub(crate) fn count(&self) {
        if let Some(reason) = self.reason() {
            metrics::rejected(reason);
        }
    }

    /// The headers of the problem, in every form of the body.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::Core(Error::Busy | Error::OutOfMemory)
            | Self::Body(BodyError::NoRoom | BodyError::OutOfMemory | BodyError::Ending) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(1));
            }
            Self::TooManyRequests { seconds } | Self::TooManyWrongKeys { seconds } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // RFC 9110, section 15.5.16.
            Self::Coding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
            }
            _ => {}
        }
        headers
    }

    /// A response with `status` and `body`, the headers of the problem, and the problem itself for the layers around.
    pub(super) fn respond(self, status: StatusCode, body: impl IntoResponse) -> Response {
        let mut response = (status, self.headers(), body).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, body) = (self.status(), Json(self.body()));
        self.respond(status, body)
    }
}

const fn status(error: &Error) -> StatusCode {
    match error {
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::PayloadTooLarge { .. } | Error::TooManyInputs { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::NotAnImage
        | Error::UnsupportedImage { .. }
        | Error::DamagedImage
        | Error::TooManyPixels { .. }
        | Error::SideTooLong { .. }
        | Error::TooCostly { .. }
        | Error::WrongShape { .. }
        | Error::NotFinite => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Busy | Error::OutOfMemory => StatusCode::SERVICE_UNAVAILABLE,
        Error::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Error::ClientGone | Error::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn message(malformed: &Malformed) -> String {
    match malformed {
        Malformed::Field { name, fault: FieldFault::Missing | FieldFault::Null | FieldFault::Empty } => {
            format!("{name} field is required")
        }
        Malformed::Field { name, fault: FieldFault::NotBase64 } => format!("{name} is not valid base64"),
        Malformed::TooManyParts { limit } => format!("The form has more than {limit} parts: send the picture alone"),
        Malformed::Field { name, fault: FieldFault::NotAList } => format!("{name} must be a list"),
        Malformed::NoFile => "Choose a photograph first".into(),
        Malformed::NoPicture => "Send at least one picture".into(),
        Malformed::NotBase64 => "The picture is not valid base64".into(),
        Malformed::NotCompressed { coding } => {
            format!("The request body is not valid {coding}, as Content-Encoding says it is")
        }
        Malformed::Field { fault: FieldFault::NotText, .. }
        | Malformed::NotJson { .. }
        | Malformed::NotAnObject
        | Malformed::NotAForm => "Invalid request body".into(),
    }
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
