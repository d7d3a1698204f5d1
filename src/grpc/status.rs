//! Problems as statuses of gRPC: a code, the sentence of the other doors, and details for programs (`google.rpc`).

use std::collections::HashMap;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::error::Error;
use crate::guard::BodyError;
use crate::http::Problem;

/// The domain of the reasons.
const DOMAIN: &str = "glimpse";

/// The trailer that tells a client when to try again, in milliseconds (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The status of a problem that a method itself found. It is counted, which the layers do for all others.
pub(super) fn refuse(problem: impl Into<Problem>) -> Status {
    let problem = problem.into();
    problem.count();
    status(&problem)
}

/// The status of a problem.
pub(super) fn status(problem: &Problem) -> Status {
    let mut details = ErrorDetails::with_error_info(reason(problem), DOMAIN, HashMap::new());
    let mut metadata = MetadataMap::new();
    let seconds = problem.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    if let Some(seconds) = seconds {
        let wait = Duration::from_secs(seconds);
        details.set_retry_info(Some(wait));
        metadata.insert(PUSHBACK, MetadataValue::from(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    }
    Status::with_error_details_and_metadata(code(problem), problem.message(), details, metadata)
}

/// The code of a problem.
pub(super) fn code(problem: &Problem) -> Code {
    match problem {
        Problem::Core(error) | Problem::Input { error, .. } => code_of(error),
        Problem::Body(BodyError::TooLarge { .. })
        | Problem::TooManyRequests { .. }
        | Problem::TooManyWrongKeys { .. } => Code::ResourceExhausted,
        Problem::Body(BodyError::NoRoom | BodyError::OutOfMemory | BodyError::Idle | BodyError::Ending) => {
            Code::Unavailable
        }
        Problem::Body(BodyError::TooSlow) => Code::DeadlineExceeded,
        Problem::Body(BodyError::Incomplete) => Code::Cancelled,
        Problem::Unauthorized => Code::Unauthenticated,
        Problem::NoModel { .. } | Problem::NoService => Code::NotFound,
        Problem::NotFound | Problem::MethodNotAllowed | Problem::MediaType { .. } | Problem::Coding => {
            Code::Unimplemented
        }
        Problem::Host | Problem::Protocol(_) | Problem::Parameter { .. } => Code::InvalidArgument,
    }
}

fn code_of(error: &Error) -> Code {
    match error {
        Error::PayloadTooLarge { .. } => Code::ResourceExhausted,
        Error::Busy | Error::OutOfMemory => Code::Unavailable,
        Error::DeadlineExceeded => Code::DeadlineExceeded,
        Error::ClientGone => Code::Cancelled,
        Error::Internal => Code::Internal,
        _ => Code::InvalidArgument,
    }
}

/// The reason of a problem for programs, in capitals as `google.rpc.ErrorInfo` asks.
pub(super) fn reason(problem: &Problem) -> &'static str {
    match problem {
        Problem::Core(error) | Problem::Input { error, .. } => match error {
            Error::Malformed(_) => "MALFORMED",
            Error::PayloadTooLarge { .. } => "MESSAGE_TOO_LARGE",
            Error::NotAnImage => "NOT_AN_IMAGE",
            Error::UnsupportedImage { .. } => "UNSUPPORTED_IMAGE",
            Error::DamagedImage => "DAMAGED_IMAGE",
            Error::TooManyPixels { .. } => "TOO_MANY_PIXELS",
            Error::SideTooLong { .. } => "SIDE_TOO_LONG",
            Error::TooCostly { .. } => "TOO_COSTLY",
            Error::WrongShape { .. } => "WRONG_SHAPE",
            Error::NotFinite => "NOT_FINITE",
            Error::TooManyInputs { .. } => "TOO_MANY_PICTURES",
            Error::Busy => "BUSY",
            Error::OutOfMemory => "OUT_OF_MEMORY",
            Error::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Error::ClientGone => "CLIENT_GONE",
            Error::Internal => "INTERNAL",
        },
        Problem::Body(error) => match error {
            BodyError::TooLarge { .. } => "MESSAGE_TOO_LARGE",
            BodyError::NoRoom => "BUSY",
            BodyError::TooSlow => "TOO_SLOW",
            BodyError::Incomplete => "INCOMPLETE",
            BodyError::OutOfMemory => "OUT_OF_MEMORY",
            BodyError::Idle => "IDLE",
            BodyError::Ending => "SERVER_IS_ENDING",
        },
        Problem::Unauthorized => "UNAUTHENTICATED",
        Problem::TooManyRequests { .. } => "RATE_LIMITED",
        Problem::TooManyWrongKeys { .. } => "TOO_MANY_WRONG_KEYS",
        Problem::NoModel { .. } => "NO_SUCH_MODEL",
        Problem::NoService => "NO_SUCH_SERVICE",
        Problem::NotFound | Problem::MethodNotAllowed => "NO_SUCH_METHOD",
        Problem::MediaType { .. } | Problem::Coding => "UNSUPPORTED_TYPE",
        Problem::Host | Problem::Protocol(_) | Problem::Parameter { .. } => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_when_to_try_again() {
        let busy = status(&Error::Busy.into());
        assert_eq!((busy.code(), busy.message()), (Code::Unavailable, "The server is busy: try again in a moment"));
        assert_eq!(busy.metadata().get(PUSHBACK).unwrap(), "1000");
        let details = busy.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "BUSY");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        let limited = status(&Problem::TooManyRequests { seconds: 7 });
        assert_eq!(limited.code(), Code::ResourceExhausted);
        assert_eq!(limited.metadata().get(PUSHBACK).unwrap(), "7000");
        let refused = status(&Error::NotAnImage.into());
        assert_eq!((refused.code(), refused.metadata().get(PUSHBACK)), (Code::InvalidArgument, None));
    }
}
