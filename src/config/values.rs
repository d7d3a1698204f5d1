//! The notations of option values: durations, sizes, lists, networks, origins, header names.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use http::{HeaderName, HeaderValue};
use ipnet::{IpNet, Ipv4Net};
use tracing::level_filters::LevelFilter;
use url::Url;

/// A duration above zero and up to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    duration_or_none(text).ok().filter(|duration| !duration.is_zero()).ok_or_else(expected_duration)
}

/// A duration up to a day.
pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok();
    parsed.filter(|duration| *duration <= Duration::from_hours(24)).ok_or_else(expected_duration)
}

fn expected_duration() -> String {
    "expected a duration with its unit, up to a day, such as 10s, 500ms or 1m".to_owned()
}

/// A size of at least one byte: a number of bytes, or a number with a unit of powers of 1000 (kB, MB, GB)
/// or of 1024 (KiB, MiB, GiB).
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().and_then(|ByteSize(bytes)| usize::try_from(bytes).ok());
    // A number beyond 64 bits is read as the largest one.
    size.filter(|size| (1..usize::MAX).contains(size))
        .ok_or_else(|| "expected a number of bytes of at least 1, or one with a unit such as 20MB or 20MiB".to_owned())
}

/// A whole number from `LEAST` to `MOST`.
pub(crate) fn within<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    parsed.ok_or_else(|| format!("expected a whole number from {LEAST} to {MOST}"))
}

/// A whole number above zero.
pub(super) fn at_least_one<N: FromStr + Default + PartialOrd>(text: &str) -> Result<N, String> {
    let parsed = text.parse().ok().filter(|number| *number > N::default());
    parsed.ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// The least severe level of the log. `LevelFilter` itself reads an empty text as `error`.
pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    let parsed = if text.is_empty() { None } else { text.parse().ok() };
    parsed.ok_or_else(|| "expected one of off, error, warn, info, debug and trace".to_owned())
}

/// The name of a model, as it stands in paths.
pub(super) fn model_name(text: &str) -> Result<String, String> {
    const LONGEST: usize = 128;
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_usual) && text != "stats";
    if fits {
        Ok(text.to_owned())
    } else {
        Err("expected up to 128 letters, digits, -, _ and ., but not stats".to_owned())
    }
}

/// The name of a header.
pub(super) fn header(text: &str) -> Result<HeaderName, String> {
    text.trim().parse().map_err(|_| "expected the name of a header, such as X-Forwarded-For".to_owned())
}

/// The parts of a list that is separated by commas, without the empty ones.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A set of peers: networks of IP addresses, and the peers on Unix sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Networks in which the set has every address. IPv4 networks are never in their IPv6-mapped form.
    pub list: Vec<IpNet>,
    /// Whether the set has the peers on Unix sockets, which have no address.
    pub unix: bool,
}

impl Networks {
    /// Whether `address`, which is not an IPv4 address in its IPv6-mapped form, is in one of the networks.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.list.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut networks = Self::default();
        for part in list(text) {
            if part == "unix" {
                networks.unix = true;
            } else {
                let parsed = network(part).ok_or_else(|| {
                    format!("\"{part}\" is not a network; expected a list such as 10.0.0.0/8,::1 or the word unix")
                })?;
                networks.list.push(parsed);
            }
        }
        Ok(networks)
    }
}

/// A range of addresses, or a single one. The addresses of clients are compared in their IPv4 form, so the
/// IPv6-mapped form of an IPv4 network (`::ffff:10.0.0.0/104`) becomes `10.0.0.0/8`.
fn network(text: &str) -> Option<IpNet> {
    const MAPPED_BITS: u8 = 96;
    let parsed = text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| IpNet::from(address)))?;
    let mapped: Option<Ipv4Addr> = match parsed {
        IpNet::V4(_) => None,
        IpNet::V6(network) => network.addr().to_ipv4_mapped(),
    };
    match mapped.zip(parsed.prefix_len().checked_sub(MAPPED_BITS)) {
        Some((address, bits)) => Ipv4Net::new(address, bits).ok().map(IpNet::V4),
        None => Some(parsed),
    }
}

/// The web origins whose pages may call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    Any,
    /// Origins as browsers serialize them in the `Origin` header: a scheme, a host in lower case and in
    /// ASCII, and a port unless it is the scheme's default.
    List(Vec<HeaderValue>),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        list(text).map(origin).collect::<Result<_, _>>().map(Self::List)
    }
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    if text.contains('*') {
        return Err(format!("\"{text}\" has a wildcard: name every origin, or allow all of them with a single *"));
    }
    let url = Url::parse(text).ok().filter(|url| {
        let is_web = matches!(url.scheme(), "http" | "https");
        let has_user = !url.username().is_empty() || url.password().is_some();
        let has_path = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        is_web && !has_user && !has_path
    });
    url.and_then(|url| HeaderValue::try_from(url.origin().ascii_serialization()).ok()).ok_or_else(|| {
        format!("\"{text}\" is not an origin; expected a list such as https://example.org,http://localhost:4321")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration_or_none("0s"), Ok(Duration::ZERO));
        for text in ["", "10", "0s", "-1s", "soon", "2days"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, size) in [
            ("1", 1),
            ("20971520", 20 << 20),
            ("20MB", 20_000_000),
            ("20 MiB", 20 << 20),
            ("20mib", 20 << 20),
            ("64KiB", 64 << 10),
            ("1.5GB", 1_500_000_000),
            ("4096B", 4096),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", " ", "0", "0MB", "-1", "MB", "20 pictures", "1e3", "nan", "99999999999999999999", "99999999EB"]
        {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn levels() {
        assert_eq!(level("warn"), Ok(LevelFilter::WARN));
        assert_eq!(level("OFF"), Ok(LevelFilter::OFF));
        for text in ["", " ", "loud"] {
            assert!(level(text).is_err(), "{text}");
        }
    }

    #[test]
    fn model_names() {
        for name in ["animals", "MobileNetV2", "a.b-c_1"] {
            assert_eq!(model_name(name).as_deref(), Ok(name));
        }
        for name in ["", "a/b", "a b", "stats", "\u{e9}", &"a".repeat(129)] {
            assert!(model_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn headers() {
        assert_eq!(header("X-Real-IP"), Ok(HeaderName::from_static("x-real-ip")));
        assert!(header("X Real IP").is_err() && header("X-Real-IP:").is_err() && header("").is_err());
    }

    fn contain(networks: &str, address: &str) -> bool {
        networks.parse::<Networks>().unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn networks() {
        assert!(contain("10.0.0.0/8, ::1", "10.1.2.3") && contain("10.0.0.0/8, ::1", "::1"));
        assert!(contain("10.1.2.3/8", "10.9.9.9") && !contain("10.1.2.3", "10.1.2.4"));
        assert!(!contain("10.0.0.0/8", "11.0.0.1") && !contain("0.0.0.0/0", "::1") && !contain("", "::1"));
        assert!(contain("::ffff:10.0.0.0/104", "10.1.2.3") && contain("::ffff:10.1.2.3", "10.1.2.3"));
        for text in ["10.0.0.0/33", "localhost", "*", "10.0.0.0/8 ::1", "Unix", "::1/129"] {
            assert!(text.parse::<Networks>().is_err(), "{text}");
        }
    }

    #[test]
    fn peers_on_unix_sockets() {
        let networks: Networks = "unix,10.0.0.0/8".parse().unwrap();
        assert!(networks.unix && networks.list.len() == 1);
        assert!(!"10.0.0.0/8".parse::<Networks>().unwrap().unix);
    }

    fn origins(text: &str) -> Result<Vec<String>, String> {
        match text.parse()? {
            Origins::Any => Ok(vec!["*".to_owned()]),
            Origins::List(list) => Ok(list.iter().map(|origin| origin.to_str().unwrap().to_owned()).collect()),
        }
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (text, written) in [
            ("*", "*"),
            ("https://example.org", "https://example.org"),
            ("https://example.org/", "https://example.org"),
            ("HTTPS://EXAMPLE.org", "https://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://example.org:80", "http://example.org"),
            ("http://example.org:443", "http://example.org:443"),
            ("http://localhost:4321", "http://localhost:4321"),
            ("http://[::0:1]:81", "http://[::1]:81"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(origins(text), Ok(vec![written.to_owned()]), "{text}");
        }
        assert_eq!(origins(""), Ok(Vec::new()));
        assert_eq!(
            origins(" https://a.example , http://b.example ").unwrap(),
            ["https://a.example", "http://b.example"]
        );
    }

    #[test]
    fn origins_that_no_browser_sends() {
        for text in [
            "https://*.example.org",
            "*,https://example.org",
            "https://example.*",
            "example.org",
            "ftp://example.org",
            "https://example.org/page",
            "https://example.org/?",
            "https://example.org/#",
            "https://",
            "https://a@b",
            "https://:password@b",
            "https://example.org:99999",
            "null",
            "https://a b",
        ] {
            let message = origins(text).unwrap_err();
            assert!(message.contains("wildcard") == text.contains('*'), "{message}");
        }
    }
}
