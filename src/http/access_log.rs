//! One log line a request.
//!
//! The fields are those of the gateway that glimpse replaces, `latency` in nanoseconds among them.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::access::Client;
use super::problem::Cause;
use crate::error::Error;

/// The status that is logged, as nginx does, where a client left before it got one.
const CLIENT_CLOSED_REQUEST: u16 = 499;

pub(super) async fn access_log(request: Request, next: Next) -> Response {
    let mut line = Line {
        begun: Instant::now(),
        remote: request.extensions().get().map(|Client(address)| *address),
        method: request.method().clone(),
        uri: request.uri().clone(),
        status: CLIENT_CLOSED_REQUEST,
        error: Error::ClientGone.to_string(),
    };
    let response = next.run(request).await;
    line.status = response.status().as_u16();
    line.error = response.extensions().get().map_or_else(String::new, |Cause(error)| error.to_string());
    response
}

/// Written when it is dropped: a request whose client leaves is dropped in the middle.
struct Line {
    begun: Instant,
    remote: Option<IpAddr>,
    method: Method,
    uri: Uri,
    status: u16,
    error: String,
}

impl Drop for Line {
    fn drop(&mut self) {
        let latency = self.begun.elapsed();
        tracing::info!(
            remote_ip = self.remote.map(|remote| remote.to_string()).unwrap_or_default(),
            method = self.method.as_str(),
            uri = %self.uri,
            status = self.status,
            error = self.error,
            latency = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX),
            latency_human = ?latency,
            "request"
        );
    }
}
