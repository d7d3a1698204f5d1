use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use ipnet::IpNet;

use super::named;
use super::values::list;
use crate::error::StartError;

/// Who may have pictures analysed, and how often.
#[derive(Args, Clone, Debug)]
pub struct Access {
    /// Analyses a client may ask for: "5" a second, "5,20" with 20 at once [default: as many as it likes]
    #[arg(long, env, hide_env_values = true, value_parser = RateLimit::from_str)]
    pub rate_limit: Option<RateLimit>,

    /// Networks of proxies whose word is taken for a client's address, separated by commas:
    /// "10.0.0.0/8,::1" [default: none]
    #[arg(long, env, hide_env_values = true, default_value = "", value_parser = Networks::from_str)]
    pub trusted_proxies: Networks,

    /// Keys of which a client must send one, separated by commas [default: anybody may ask]
    #[arg(long, env, hide_env_values = true, default_value = "", value_parser = Keys::from_str)]
    pub api_keys: Keys,

    /// File with such keys, one a line
    #[arg(long, env, hide_env_values = true)]
    pub api_keys_file: Option<PathBuf>,
}

impl Access {
    /// Every key, from the option and from the file.
    ///
    /// # Errors
    /// A sentence, where the file can't be read or holds no key.
    pub fn keys(&self) -> Result<Keys, StartError> {
        let mut keys = self.api_keys.clone();
        if let Some(path) = named(self.api_keys_file.as_ref()) {
            let refuse = |reason: &str| {
                StartError::new(format!(
                    "The API keys in {} can't be used: {reason}. Set API_KEYS_FILE to a file with one a line.",
                    path.display()
                ))
            };
            let text = std::fs::read_to_string(&path).map_err(|error| refuse(&error.to_string()))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let before = keys.0.len();
            keys.0.extend(lines.map(str::to_owned));
            if keys.0.len() == before {
                return Err(refuse("there is none"));
            }
        }
        Ok(keys)
    }
}

/// How often one client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second, on average.
    pub per_second: NonZeroU32,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (per_second, burst) = text.split_once(',').unwrap_or((text, text));
        let number = |text: &str| {
            text.trim().parse().map_err(|_| "one or two whole numbers are expected, such as 5 or 5,20".to_owned())
        };
        Ok(Self { per_second: number(per_second)?, burst: number(burst)? })
    }
}

/// Networks, each an address or a range of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network =
            |part: &str| part.parse().or_else(|_| part.parse().map(|address: std::net::IpAddr| address.into()));
        let networks: Result<_, _> = list(text).map(|part| network(part).map_err(|_| part)).collect();
        networks
            .map(Self)
            .map_err(|part| format!("\"{part}\" is no network; a list such as 10.0.0.0/8,::1 is expected"))
    }
}

/// Secrets: never shown, and compared without telling how much of one was right.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<String>);

impl Keys {
    /// Whether there is no key, and none is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` is one of them. Takes as long for a wrong key as for any other of its length.
    pub fn has(&self, key: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        let found = self.0.iter().fold(subtle::Choice::from(0), |found, it| found | it.as_bytes().ct_eq(key));
        found.into()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} keys", self.0.len())
    }
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(list(text).map(str::to_owned).collect()))
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
        for text in ["", "0", "5,0", "5,", "-1", "5,6,7", "many"] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
    }

    #[test]
    fn networks() {
        let networks: Networks = "10.0.0.0/8, ::1".parse().unwrap();
        assert!(networks.0[0].contains(&"10.1.2.3".parse::<std::net::IpAddr>().unwrap()));
        assert_eq!(networks.0[1].to_string(), "::1/128");
        assert!("10.0.0.0/33".parse::<Networks>().is_err());
        assert!("localhost".parse::<Networks>().is_err());
    }

    #[test]
    fn keys_are_not_shown() {
        let keys: Keys = "first, second".parse().unwrap();
        assert!(keys.has(b"first") && keys.has(b"second"));
        assert!(!keys.has(b"") && !keys.has(b"firs") && !keys.has(b"first,second") && !keys.has(b"third"));
        assert_eq!(format!("{keys:?}"), "2 keys");
    }
}
