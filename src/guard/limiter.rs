//! A limit on how often each client may do something.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::config::RateLimit;

/// The interval at which clients are forgotten that have their whole quota again.
const UPKEEP: Duration = Duration::from_mins(1);

/// The number of clients from which on new ones are counted by larger networks, until the next upkeep. At
/// about 100 bytes each they take 10 MB.
const MANY: usize = 100_000;

/// The prefix length by which IPv6 clients are counted. Providers assign networks of this size or larger ones, and a
/// client may use any address in its network.
const SUBSCRIBER: u32 = 64;

/// The prefix lengths by which clients are counted once there are [`MANY`]: roughly the networks of a provider.
const PROVIDER_V4: u32 = 16;
const PROVIDER_V6: u32 = 32;

/// Clients are counted by network. Those without an address share one count.
type Clients =
    RateLimiter<Option<IpAddr>, DefaultKeyedStateStore<Option<IpAddr>>, DefaultClock, StateInformationMiddleware>;

/// A limiter that counts each client on its own (a token bucket for each).
#[derive(Debug)]
pub struct Limiter {
    limit: RateLimit,
    clients: Clients,
}

impl Limiter {
    /// A limiter that has seen no client yet.
    pub fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self { limit, clients: RateLimiter::keyed(quota).with_middleware() }
    }

    /// The limit that every client has.
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Counts one more request of `client` and returns how many more it may make at once.
    ///
    /// # Errors
    /// The whole seconds, at least one, after which the next request passes. This one is not counted.
    pub fn check(&self, client: Option<IpAddr>) -> Result<u32, u64> {
        let is_crowded = self.clients.len() >= MANY;
        let state = self.clients.check_key(&client.map(|address| network(address, is_crowded)));
        state.map(|state| state.remaining_burst_capacity()).map_err(|refused| {
            let wait = refused.wait_time_from(self.clients.clock().now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
        })
    }

    /// Forgets, once a minute, the clients that have their whole quota again. Never returns.
    pub async fn keep_up(&self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.clients.retain_recent();
            self.clients.shrink_to_fit();
        }
    }
}

/// The network by which a client is counted, as its first address.
fn network(client: IpAddr, is_crowded: bool) -> IpAddr {
    match client {
        IpAddr::V4(address) if is_crowded => {
            Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (u32::BITS - PROVIDER_V4))).into()
        }
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let length = if is_crowded { PROVIDER_V6 } else { SUBSCRIBER };
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (u128::BITS - length))).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn limiter(per_second: u32, burst: u32) -> Limiter {
        let number = |number| NonZeroU32::new(number).unwrap();
        Limiter::new(RateLimit { per_second: number(per_second), burst: number(burst) })
    }

    #[test]
    fn each_client_has_its_own_quota() {
        let limiter = limiter(1, 3);
        let check = |client: &str| limiter.check(Some(client.parse().unwrap()));
        assert_eq!([check("192.0.2.1"), check("192.0.2.1"), check("192.0.2.1")], [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(check("192.0.2.1"), Err(1));
        assert_eq!(check("192.0.2.2"), Ok(2));
        assert_eq!([check("2001:db8::1"), check("2001:db8::2"), check("2001:db8:0:1::")], [Ok(2), Ok(1), Ok(2)]);
    }

    #[test]
    fn clients_without_an_address_share_a_quota() {
        let limiter = limiter(1, 1);
        assert_eq!((limiter.check(None), limiter.check(None)), (Ok(0), Err(1)));
    }

    #[test]
    fn a_crowd_is_counted_by_larger_networks() {
        let limiter = limiter(1, 1);
        for number in 0..2 * u32::try_from(MANY).unwrap() {
            let _ = limiter.check(Some(Ipv4Addr::from_bits(number).into()));
            let _ = limiter.check(Some(Ipv6Addr::from_bits(u128::from(number) << 64).into()));
        }
        let most = MANY + 16;
        assert!(limiter.clients.len() < most, "{} clients", limiter.clients.len());
    }

    #[test]
    fn networks() {
        let network = |address: &str, is_crowded| network(address.parse().unwrap(), is_crowded).to_string();
        assert_eq!(network("192.0.2.1", false), "192.0.2.1");
        assert_eq!(network("192.0.2.1", true), "192.0.0.0");
        assert_eq!(network("2001:db8:1:2:3::4", false), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2:3::4", true), "2001:db8::");
    }
}
