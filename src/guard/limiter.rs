//! How often each client asks, held against the limit.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::config::RateLimit;

/// `RateLimit-Policy` and `RateLimit`: draft-ietf-httpapi-ratelimit-headers, version 10.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// How often clients that are as new again are forgotten.
const UPKEEP: Duration = Duration::from_mins(1);

type Clients = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    clients: Clients,
}

/// Whether a request may pass, and what is said of it in any case.
pub(crate) struct Decision {
    /// Seconds after which the next may.
    pub(crate) wait: Option<u64>,
    pub(crate) headers: HeaderMap,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self { limit, clients: RateLimiter::keyed(quota).with_middleware() }
    }

    pub(crate) fn check(&self, client: IpAddr) -> Decision {
        let (wait, remaining) = match self.clients.check_key(&network(client)) {
            Ok(state) => (None, state.remaining_burst_capacity()),
            Err(refused) => {
                let wait = refused.wait_time_from(self.clients.clock().now());
                (Some(wait.as_secs_f64().ceil().max(1.0)), 0)
            }
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
        let wait = wait.map(|seconds| seconds as u64);
        let RateLimit { per_second, burst } = self.limit;
        let window = burst.get().div_ceil(per_second.get());
        let policy = format!("\"default\";q={burst};w={window}");
        let state = format!("\"default\";r={remaining};t={}", wait.unwrap_or(0));
        let headers = [(POLICY, policy), (STATE, state)].map(|(name, value)| (name, HeaderValue::from_str(&value)));
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect();
        Decision { wait, headers }
    }

    pub(crate) async fn keep_up(&self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.clients.retain_recent();
            self.clients.shrink_to_fit();
        }
    }
}

/// Whom a client is counted with: an IPv6 client has 2^64 addresses of its own to choose from.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}
