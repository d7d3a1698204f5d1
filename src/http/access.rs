//! Who may have a picture analysed, and how often: stands before the routes that cost something.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

use super::legacy::predict;
use super::{App, body, form, problem};
use crate::config::{self, Keys};
use crate::error::{Error, StartError};
use crate::guard::client;
use crate::guard::limiter::Limiter;
pub(super) use crate::guard::limiter::{POLICY, STATE};
use crate::server::Peer;

/// Where a key may be, beside `Authorization`.
pub(super) const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The rules, and what has been counted.
#[derive(Clone, Debug)]
pub struct Access {
    keys: Keys,
    limiter: Option<Arc<Limiter>>,
    trusted_proxies: config::Networks,
}

impl Access {
    /// The rules of a configuration.
    ///
    /// # Errors
    /// A sentence, where the file with the keys can't be used.
    pub fn new(config: &config::Access) -> Result<Self, StartError> {
        Ok(Self {
            keys: config.keys()?,
            limiter: config.rate_limit.map(|limit| Arc::new(Limiter::new(limit))),
            trusted_proxies: config.trusted_proxies.clone(),
        })
    }

    /// Forgets clients that have been away for long enough to be as new; runs for ever.
    pub async fn keep_up(self) {
        if let Some(limiter) = self.limiter {
            limiter.keep_up().await;
        }
    }
}

/// The client's address, left on the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(pub(super) IpAddr);

pub(super) async fn client(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Some(remote) = request.extensions().get::<Peer>().copied().and_then(Peer::ip) {
        let client = client::behind(remote, request.headers(), &app.access.trusted_proxies);
        request.extensions_mut().insert(Client(client));
    }
    next.run(request).await
}

pub(super) async fn access(State(app): State<App>, request: Request, next: Next) -> Response {
    let Access { keys, limiter, .. } = &app.access;
    if !keys.is_empty() && !key(request.headers()).is_some_and(|key| keys.has(key)) {
        return refuse(&app, request, &Error::Unauthorized).await;
    }
    let (Some(limiter), Some(Client(client))) = (limiter, request.extensions().get().copied()) else {
        return next.run(request).await;
    };
    let decision = limiter.check(client);
    let mut response = match decision.wait {
        None => next.run(request).await,
        Some(seconds) => refuse(&app, request, &Error::TooManyRequests { seconds }).await,
    };
    response.headers_mut().extend(decision.headers);
    response
}

/// The key that a client sends: `Authorization: Bearer` (RFC 6750), or `X-API-Key`.
fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(b"Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
    });
    bearer.or_else(|| headers.get(KEY).map(|value| value.as_bytes().trim_ascii()))
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
