//! The layer that checks the key and the quota of a request, in front of the routes that analyze pictures.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::problem::Problem;
use crate::guard::access::{Policy, Quota, Verdict};

/// The client's address, which `observe` puts into the request's extensions. `None` for an unknown peer on a Unix socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) Option<IpAddr>);

pub(super) async fn guard(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    guard_with(&app, request, |request| next.run(request)).await
}

/// Checks the key and the quota of a request, and lets `next` answer it.
pub(crate) async fn guard_with<F>(app: &App, request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let client = request.extensions().get().and_then(|Client(address)| *address);
    let admission = app.access.admit(client, request.headers());
    let mut response = match admission.verdict {
        Verdict::Admitted => next(request).await,
        Verdict::NoKey | Verdict::WrongKey => Problem::Unauthorized.into_response(),
        Verdict::TooManyWrongKeys { retry_after } => Problem::TooManyWrongKeys { seconds: retry_after }.into_response(),
        Verdict::TooManyRequests { retry_after } => Problem::TooManyRequests { seconds: retry_after }.into_response(),
    };
    if let Some((policy, quota)) = app.access.policy().zip(admission.quota) {
        response.headers_mut().extend(headers(policy, quota));
    }
    response
}

fn headers(policy: Policy, quota: Quota) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let policy = format!("\"default\";q={};w={}", policy.quota, policy.window);
    let state = format!("\"default\";r={};t={}", quota.remaining, quota.retry_after);
    let headers = [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)];
    headers.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)))
}
