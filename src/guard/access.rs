//! The decision whether a request may have a picture analyzed: by its key and by the rate of its client.

use std::net::IpAddr;
use std::num::NonZeroU32;

use http::HeaderMap;

use super::client::Proxies;
use super::keys::{self, Keys};
use super::limiter::Limiter;
use crate::config::{self, RateLimit};
use crate::error::StartError;

/// The limit on wrong keys per client. Ten at once is what a page or a batch job with a key that has been
/// revoked sends before it reads the first answer. One per second is what such a client sends if it waits
/// between attempts, so that it keeps seeing 401, which says what is wrong.
const WRONG_KEYS: RateLimit = RateLimit { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN.saturating_add(9) };

/// The rules of access, and what each client has used of its quota. Shared by all requests.
#[derive(Debug)]
pub struct Access {
    keys: Keys,
    proxies: Proxies,
    requests: Option<Limiter>,
    wrong_keys: Limiter,
}

/// The decision on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether the request may go on, or why not.
    pub verdict: Verdict,
    /// The client's quota after this request; none without a rate limit, or if the key was refused.
    pub quota: Option<Quota>,
}

/// Whether a request may go on, or why not. Waits are in whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Admitted,
    /// It has no key, and one is required.
    NoKey,
    /// Its key is not one of the keys.
    WrongKey,
    /// Its key is not one of the keys, and its client has sent too many wrong ones.
    TooManyWrongKeys { retry_after: u64 },
    /// Its client asks more often than the rate limit allows.
    TooManyRequests { retry_after: u64 },
}

/// The remaining quota of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests that pass now.
    pub remaining: u32,
    /// Seconds until the next one passes; 0 unless the request was refused.
    pub retry_after: u64,
}

/// The quota that every client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Requests in a window.
    pub quota: u32,
    /// Seconds after which a quota that was used up is whole again.
    pub window: u32,
}

impl Access {
    /// The rules in a configuration, before the first request.
    ///
    /// # Errors
    /// `API_KEYS_FILE` can't be used, see [`Keys::read`].
    pub fn new(config: &config::Access) -> Result<Self, StartError> {
        let listed = config.api_keys.clone().unwrap_or_default();
        let keys = match &config.api_keys_file {
            Some(path) => listed.and(Keys::read(path)?),
            None => listed,
        };
        Ok(Self {
            keys,
            proxies: Proxies { trusted: config.trusted_proxies.clone(), header: config.client_addr_header.clone() },
            requests: config.rate_limit.map(Limiter::new),
            wrong_keys: Limiter::new(WRONG_KEYS),
        })
    }

    /// The accepted keys. If there are none, requests need no key.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The client behind `peer`, see [`Proxies::client`].
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        self.proxies.client(peer, headers)
    }

    /// Decides on a request and counts it. Clients without an address count as one.
    ///
    /// A right key passes, regardless of the number of wrong ones that its client has sent. Clients behind one NAT, or behind a
    /// proxy that is not in `TRUSTED_PROXIES`, share an address: a lock-out would let anyone of them shut out
    /// all others. The limit on wrong keys therefore does not make short keys safe. It tells a client with a
    /// key that has been revoked to slow down, and guessing shows as 429 in the log and in the metrics.
    pub fn admit(&self, client: Option<IpAddr>, headers: &HeaderMap) -> Admission {
        if let Some(verdict) = self.check_key(client, headers) {
            return Admission { verdict, quota: None };
        }
        let Some(limiter) = &self.requests else {
            return Admission { verdict: Verdict::Admitted, quota: None };
        };
        let (verdict, quota) = match limiter.check(client) {
            Ok(remaining) => (Verdict::Admitted, Quota { remaining, retry_after: 0 }),
            Err(retry_after) => (Verdict::TooManyRequests { retry_after }, Quota { remaining: 0, retry_after }),
        };
        Admission { verdict, quota: Some(quota) }
    }

    /// Counts another analysis of a request that has been admitted: the next message of a stream.
    ///
    /// # Errors
    /// The seconds after which it may pass.
    pub fn again(&self, client: Option<IpAddr>) -> Result<(), u64> {
        self.requests.as_ref().map_or(Ok(()), |limiter| limiter.check(client).map(drop))
    }

    fn check_key(&self, client: Option<IpAddr>, headers: &HeaderMap) -> Option<Verdict> {
        if self.keys.is_empty() {
            return None;
        }
        match keys::sent(headers) {
            None => Some(Verdict::NoKey),
            Some(key) if self.keys.has(key) => None,
            Some(_) => Some(match self.wrong_keys.check(client) {
                Ok(_) => Verdict::WrongKey,
                Err(retry_after) => Verdict::TooManyWrongKeys { retry_after },
            }),
        }
    }

    /// The quota of every client, unless there is no rate limit.
    pub fn policy(&self) -> Option<Policy> {
        self.requests.as_ref().map(|limiter| {
            let RateLimit { per_second, burst } = limiter.limit();
            Policy { quota: burst.get(), window: burst.get().div_ceil(per_second.get()) }
        })
    }

    /// Forgets clients that have their whole quota again. Never returns.
    pub async fn keep_up(&self) {
        match &self.requests {
            Some(requests) => tokio::join!(requests.keep_up(), self.wrong_keys.keep_up()).0,
            None => self.wrong_keys.keep_up().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::CommandLine;

    fn access(flags: &[&str]) -> Access {
        let config = CommandLine::try_parse_from(["glimpse"].iter().chain(flags)).unwrap().config;
        Access::new(&config.access).unwrap()
    }

    fn with_key(key: &str) -> HeaderMap {
        HeaderMap::from_iter([(keys::KEY, key.parse().unwrap())])
    }

    fn client(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn everybody_is_admitted_by_default() {
        let access = access(&[]);
        let open = Admission { verdict: Verdict::Admitted, quota: None };
        assert_eq!(access.admit(Some(client("192.0.2.1")), &with_key("any")), open);
        assert_eq!(access.admit(None, &HeaderMap::new()), open);
        assert_eq!(access.policy(), None);
    }

    #[test]
    fn wrong_keys_are_limited_and_right_ones_pass() {
        let access = access(&["--api-keys", "right"]);
        let verdict = |address, key: &str| access.admit(Some(client(address)), &with_key(key)).verdict;
        for _ in 0..WRONG_KEYS.burst.get() {
            assert_eq!(verdict("192.0.2.1", "wrong"), Verdict::WrongKey);
        }
        assert_eq!(verdict("192.0.2.1", "wrong"), Verdict::TooManyWrongKeys { retry_after: 1 });
        assert_eq!(verdict("192.0.2.1", "right"), Verdict::Admitted);
        assert_eq!(verdict("192.0.2.2", "wrong"), Verdict::WrongKey);
        // A request without a key is not a guess.
        assert_eq!(access.admit(Some(client("192.0.2.1")), &HeaderMap::new()).verdict, Verdict::NoKey);
        assert_eq!(access.keys().len(), 1);
    }

    #[test]
    fn a_quota_counts_down() {
        let access = access(&["--rate-limit", "2,3"]);
        assert_eq!(access.policy(), Some(Policy { quota: 3, window: 2 }));
        let admit = || access.admit(Some(client("192.0.2.1")), &HeaderMap::new());
        for remaining in [2, 1, 0] {
            let quota = Some(Quota { remaining, retry_after: 0 });
            assert_eq!(admit(), Admission { verdict: Verdict::Admitted, quota });
        }
        let refused = Admission {
            verdict: Verdict::TooManyRequests { retry_after: 1 },
            quota: Some(Quota { remaining: 0, retry_after: 1 }),
        };
        assert_eq!(admit(), refused);
    }

    #[test]
    fn a_refused_key_uses_no_quota() {
        let access = access(&["--api-keys", "right", "--rate-limit", "1"]);
        assert_eq!(access.admit(Some(client("192.0.2.1")), &with_key("wrong")).quota, None);
        assert_eq!(access.admit(Some(client("192.0.2.1")), &with_key("right")).verdict, Verdict::Admitted);
    }
}
