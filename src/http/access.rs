//! The layer in front of the routes that cost something: who may ask, and how often.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::Problem;
use crate::guard::access::Verdict;

/// The client's address, left on the request by `observe`. Nothing where the client has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(pub(super) Option<IpAddr>);

pub(super) async fn guard(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let client = request.extensions().get().and_then(|Client(address)| *address);
    let admission = app.access.admit(client, request.headers());
    let mut response = match admission.verdict {
        Verdict::Pass => next.run(request).await,
        Verdict::NoKey => Problem::Unauthorized.into_response(),
        Verdict::TooMany { seconds } => Problem::TooManyRequests { seconds }.into_response(),
    };
    response.headers_mut().extend(admission.quota.into_iter().flatten());
    response
}
