//! Temporary: replaced by the branch that redraws access.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::client;
use super::limiter::Limiter;
use crate::config::{self, Keys};
use crate::error::StartError;

/// The rules, and what has been counted.
#[derive(Clone, Debug)]
pub struct Access {
    keys: Keys,
    limiter: Option<Arc<Limiter>>,
    trusted_proxies: config::Networks,
}

/// Whether a request may pass.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The decision.
    pub verdict: Verdict,
    /// Header values.
    pub quota: Option<HeaderMap>,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass.
    Pass,
    /// No key, or a wrong one.
    NoKey,
    /// Too many.
    TooMany {
        /// Seconds.
        seconds: u64,
    },
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

    /// The client's address.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        peer.map(|peer| client::behind(peer.to_canonical(), headers, &self.trusted_proxies))
    }

    /// Decides.
    pub fn admit(&self, client: Option<IpAddr>, headers: &HeaderMap) -> Admission {
        if !self.keys.is_empty() && !key(headers).is_some_and(|key| self.keys.has(key)) {
            return Admission { verdict: Verdict::NoKey, quota: None };
        }
        let (Some(limiter), Some(client)) = (&self.limiter, client) else {
            return Admission { verdict: Verdict::Pass, quota: None };
        };
        let decision = limiter.check(client);
        let verdict = decision.wait.map_or(Verdict::Pass, |seconds| Verdict::TooMany { seconds });
        Admission { verdict, quota: Some(decision.headers) }
    }

    /// Forgets clients that have been away; runs for ever.
    pub async fn keep_up(self) {
        if let Some(limiter) = self.limiter {
            limiter.keep_up().await;
        }
    }
}

fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(b"Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
    });
    bearer.or_else(|| headers.get("x-api-key").map(|value| value.as_bytes().trim_ascii()))
}
