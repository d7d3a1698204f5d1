//! Requests that hyper refuses before the service sees them.

use std::error::Error;
use std::fmt::Display;

use super::Peer;
use crate::telemetry::metrics;

/// Why hyper has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// HTTP/1: the head is larger, or has more fields, than is allowed; answered 431 or 414.
    HeadTooLarge,
    /// HTTP/1: the head is malformed; answered 400.
    MalformedHead,
    /// HTTP/2: a protocol error; answered with GOAWAY or `RST_STREAM`.
    Http2,
}

impl Refusal {
    /// The refusal that has ended a connection. `None` if its end was no refusal: a reset, a client that left.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let http = error.downcast_ref::<hyper::Error>()?;
        if http.is_parse_too_large() {
            Some(Self::HeadTooLarge)
        } else if http.is_parse() {
            Some(Self::MalformedHead)
        } else {
            let http2 = http.source()?.downcast_ref::<h2::Error>()?;
            (http2.is_go_away() && !http2.is_remote()).then_some(Self::Http2)
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::HeadTooLarge => "head_too_large",
            Self::MalformedHead => "malformed_head",
            Self::Http2 => "http2",
        }
    }
}

/// Counts and logs a refusal. It has no request id: there was no request.
pub(super) fn refused(refusal: Refusal, peer: Peer, error: &dyn Display) {
    metrics::refused_by_http(refusal.label());
    tracing::info!(remote_ip = %peer, reason = refusal.label(), error = %error, "refused before it was a request");
}
