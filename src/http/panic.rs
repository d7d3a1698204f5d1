//! A panic while a request is answered is a 500, and the server lives on.

use std::any::Any;

use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;

use super::problem;
use crate::error::Error;

type Handler = fn(Box<dyn Any + Send>) -> Response;

pub(super) fn layer() -> CatchPanicLayer<Handler> {
    // The hook that `telemetry` sets has logged it by now.
    CatchPanicLayer::custom(|_| problem::error(&Error::Internal))
}
