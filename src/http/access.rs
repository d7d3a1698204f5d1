//! Who may have a picture analysed, and how often: stands before the routes that cost something.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::legacy::predict;
use super::{App, body, form, problem};
use crate::error::Error;
pub use crate::guard::Access;
use crate::guard::access::{Admission, Verdict};
use crate::guard::client::Peer;
pub(super) use crate::guard::keys::KEY;

/// `RateLimit-Policy` and `RateLimit`: draft-ietf-httpapi-ratelimit-headers, version 10.
pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// The client's address, left on the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(pub(super) IpAddr);

pub(super) async fn client(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(remote)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied()
        && let Some(client) = app.access.client(Peer::from(remote), request.headers())
    {
        request.extensions_mut().insert(Client(client));
    }
    next.run(request).await
}

pub(super) async fn access(State(app): State<App>, request: Request, next: Next) -> Response {
    let client = request.extensions().get().map(|Client(address)| *address);
    let admission = app.access.admit(client, request.headers());
    let error = match admission.verdict {
        Verdict::Admitted => None,
        Verdict::NoKey | Verdict::WrongKey => Some(Error::Unauthorized),
        Verdict::TooManyWrongKeys { retry_after: seconds } | Verdict::TooManyRequests { retry_after: seconds } => {
            Some(Error::TooManyRequests { seconds })
        }
    };
    let mut response = match error {
        None => next.run(request).await,
        Some(error) => refuse(&app, request, &error).await,
    };
    response.headers_mut().extend(quota_headers(&app.access, &admission));
    response
}

/// What a client reads of its quota; nothing where there is no rate limit.
fn quota_headers(access: &Access, admission: &Admission) -> HeaderMap {
    let (Some(policy), Some(quota)) = (access.policy(), admission.quota) else { return HeaderMap::new() };
    let policy = format!("\"default\";q={};w={}", policy.quota, policy.window);
    let state = format!("\"default\";r={};t={}", quota.remaining, quota.retry_after);
    let headers = [(POLICY, policy), (STATE, state)];
    headers.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?))).collect()
}

/// The error in the shape of its route.
async fn refuse(app: &App, request: Request, error: &Error) -> Response {
    let response = match request.uri().path() {
        "/predict" => predict::refused(error),
        "/answer" => form::refused(app, error).await,
        _ => problem::error(error),
    };
    body::discard_meanwhile(app, request);
    response
}
