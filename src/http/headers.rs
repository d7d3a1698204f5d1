//! The names of the headers that are not HTTP's own.

use axum::http::HeaderName;

/// The id of a request: the client's, or a new one. Every response has it.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) use crate::guard::keys::KEY as API_KEY;

/// The time that each stage took (W3C Server Timing).
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What `GET /api/v1/model` calls the revision of the model that answered.
pub(super) const MODEL_REVISION: HeaderName = HeaderName::from_static("model-revision");

/// A client's quota and what is left of it (draft-ietf-httpapi-ratelimit-headers, version 10).
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The trace that a request belongs to (W3C Trace Context).
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

pub(super) const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The length of the JSON before the binary data (Triton). In a request it counts the bytes of the inflated body.
pub(super) const INFERENCE_HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");
