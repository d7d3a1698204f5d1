//! Requests that hyper refuses before the service sees them.

use std::error::Error;
use std::fmt::Display;

use super::Peer;
use crate::telemetry::metrics;
use crate::telemetry::reasons::Refusal;

/// The refusal that has ended a connection. `None` if its end was no refusal: a reset, a client that left.
pub(super) fn refusal_of(error: &(dyn Error + 'static)) -> Option<Refusal> {
    let http = error.downcast_ref::<hyper::Error>()?;
    if http.is_parse_too_large() {
        Some(Refusal::HeadTooLarge)
    } else if http.is_parse() {
        Some(Refusal::MalformedHead)
    } else {
        let http2 = http.source()?.downcast_ref::<h2::Error>()?;
        (http2.is_go_away() && !http2.is_remote()).then_some(Refusal::Http2)
    }
}

/// Counts and logs a refusal. It has no request id: there was no request.
pub(super) fn refused(refusal: Refusal, peer: Peer, error: &dyn Display) {
    metrics::refused_by_http(refusal);
    tracing::info!(remote_ip = %peer, reason = refusal.label(), error = %error, "refused before it was a request");
}
