//! Which other origins' pages may call the API.

use std::time::Duration;

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::v1::analyze;
use super::{access, request_id};
use crate::config::Origins;

/// How long a browser may keep the answer to a preflight request.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Which trace a request belongs to (W3C Trace Context): a page that is traced sends it everywhere.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

pub(super) fn layer(origins: &Origins) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, request_id::HEADER, access::KEY, TRACEPARENT])
        .expose_headers([request_id::HEADER, RETRY_AFTER, analyze::SERVER_TIMING, access::POLICY, access::STATE])
        .max_age(MAX_AGE);
    match origins {
        Origins::Any => layer.allow_origin(Any),
        Origins::List(list) => layer.allow_origin(AllowOrigin::list(list.iter().cloned())),
    }
}
