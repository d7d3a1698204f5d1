use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use http::HeaderName;

use super::ListenAddr;
use super::values::{Networks, Origins, header};
use crate::guard::keys::Keys;

/// Who may have pictures analyzed, how often, from which web pages, and who may read the metrics.
#[derive(Args, Clone, Debug)]
pub struct Access {
    /// API keys, separated by commas; a request for an analysis must carry one of them, and an empty
    /// list stops the start [default: no key is required]
    // Digests take the place of the keys here, so that no key stays in memory for the life of the server.
    #[arg(long, env, hide_env_values = true, value_parser = Keys::from_str)]
    pub api_keys: Option<Keys>,

    /// File with API keys, one per line; they add to those of API_KEYS
    #[arg(long, env, hide_env_values = true)]
    pub api_keys_file: Option<PathBuf>,

    /// Requests for analyses per client: "5" allows 5 per second, "5,20" also up to 20 at once; further
    /// ones are answered 429. A batch counts as one request, each message of a stream as one [default: no
    /// limit]
    #[arg(long, env, hide_env_values = true, value_parser = RateLimit::from_str)]
    pub rate_limit: Option<RateLimit>,

    /// Networks of the proxies in front of the server, separated by commas: "10.0.0.0/8,::1"; the word
    /// unix stands for every peer on a Unix socket. Their CLIENT_ADDR_HEADER names the client
    /// [default: none]
    #[arg(long, env, hide_env_values = true, hide_default_value = true, default_value = "", value_parser = Networks::from_str)]
    pub trusted_proxies: Networks,

    /// Header in which the trusted proxies name the client: X-Forwarded-For, Forwarded, or one that
    /// holds an address or a list of addresses, such as X-Real-IP; every other header is ignored
    #[arg(long, env, hide_env_values = true, default_value = "X-Forwarded-For", value_parser = header)]
    pub client_addr_header: HeaderName,

    /// Web origins whose pages may call the API, separated by commas: "https://example.org"; "*" allows
    /// every origin [default: none but the server's own]
    #[arg(long, env, hide_env_values = true, hide_default_value = true, default_value = "", value_parser = Origins::from_str)]
    pub cors_allow_origins: Origins,

    /// Address of a separate listener for /metrics, which the main one then does not serve [default:
    /// /metrics is at LISTEN_ADDR]
    #[arg(long, env, hide_env_values = true, value_parser = ListenAddr::from_str)]
    pub metrics_addr: Option<ListenAddr>,
}

/// A limit on the requests of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per second, on average.
    pub per_second: NonZeroU32,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (per_second, burst) = text.split_once(',').unwrap_or((text, text));
        let number = |text: &str| {
            text.trim().parse().map_err(|_| "expected one or two whole numbers, such as 5 or 5,20".to_owned())
        };
        Ok(Self { per_second: number(per_second)?, burst: number(burst)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limits() {
        let limit = |per_second, burst| {
            Ok(RateLimit { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() })
        };
        assert_eq!("5".parse(), limit(5, 5));
        assert_eq!("5, 20".parse(), limit(5, 20));
        for text in ["", " ", ",", "0", "5,0", "5,", "-1", "5,6,7", "many"] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
    }
}
