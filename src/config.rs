//! Every option: a flag, an environment variable and a default each.

#![allow(clippy::doc_markdown, reason = "these comments are the help text, which shows them as they are")]

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::model::{LibrarySource, ModelSource};

/// Takes a photograph over HTTP and answers with its three most likely ImageNet labels.
///
/// POST /api/v1/analyze {"base64Image": "..."} gives [{"label": "...", "confidence": 0.0}, ...],
/// highest first. Every option is a flag or an environment variable; the flag wins.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct CommandLine {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// What the executable does beside serving.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Ask the server at LISTEN_ADDR on this machine whether it is well
    Health,
}

/// How the server is to run.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Address to listen on: ":8080" is every address of this machine, "127.0.0.1:8080" is for this
    /// machine alone; an IPv6 address stands in brackets
    #[arg(long, env, hide_env_values = true, default_value = ":8080", value_parser = ListenAddr::from_str, global = true)]
    pub listen_addr: ListenAddr,

    /// Longest time that a request may wait for a worker and be worked on: "10s", "500ms", "1m"
    #[arg(long, env, hide_env_values = true, default_value = "10s", value_parser = duration)]
    pub inference_timeout: Duration,

    /// Model to serve, an ONNX file by scripts/export_model.py [default: the one in the executable,
    /// else models/model.onnx]
    #[arg(long = "model", env, hide_env_values = true, value_name = "MODEL_PATH")]
    pub model_path: Option<PathBuf>,

    /// ONNX Runtime's library, version 1.31 or later [default: the one in the executable, else
    /// models/libonnxruntime.so]
    #[arg(long = "onnxruntime", env, hide_env_values = true, value_name = "ORT_DYLIB_PATH")]
    pub ort_dylib_path: Option<PathBuf>,

    /// Pictures analysed at the same time, from 1 to 256 [default: one a core]
    #[arg(long, env, hide_env_values = true, value_parser = workers)]
    pub workers: Option<usize>,

    /// Requests that may wait while every worker is busy, from 0 to 65536; one more is answered 503
    #[arg(long, env, hide_env_values = true, default_value_t = 64, value_parser = queue_depth)]
    pub queue_depth: usize,

    /// Largest request body, in bytes; a larger one is answered 413
    #[arg(long, env, hide_env_values = true, default_value_t = 20 << 20, value_parser = at_least_one::<usize>)]
    pub max_body_bytes: usize,

    /// Largest picture, in pixels (width times height); a larger one is answered 422
    #[arg(long, env, hide_env_values = true, default_value_t = 50_000_000, value_parser = at_least_one::<u64>)]
    pub max_pixels: u64,

    /// Web origins whose pages may call the API, separated by commas; "*" for any, "" for none but
    /// the server's own
    #[arg(long, env, hide_env_values = true, default_value = "http://localhost:4321", value_parser = Origins::from_str)]
    pub cors_allow_origins: Origins,

    /// Folder with the built web site to serve, for working on it [default: the one in the
    /// executable, else web/dist]
    #[arg(long, env, hide_env_values = true)]
    pub web_dir: Option<PathBuf>,

    /// Form of the log on standard output
    #[arg(long, env, hide_env_values = true, default_value = "auto")]
    pub log_format: LogFormat,

    /// Least serious level that is logged: off, error, warn, info, debug or trace
    #[arg(long, env, hide_env_values = true, default_value = "info", value_parser = level)]
    pub log_level: LevelFilter,
}

impl Config {
    /// Where the model comes from.
    pub fn model(&self) -> ModelSource {
        named(self.model_path.as_ref()).map(ModelSource::File).unwrap_or_default()
    }

    /// Where ONNX Runtime comes from.
    pub fn library(&self) -> LibrarySource {
        named(self.ort_dylib_path.as_ref()).map(LibrarySource::File).unwrap_or_default()
    }

    /// The folder with the web site, where one has been named.
    pub fn web_dir(&self) -> Option<PathBuf> {
        named(self.web_dir.as_ref())
    }

    /// The number of workers: as asked for, or one a core.
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// A path that has been given; a variable that is set to nothing names none.
fn named(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).cloned()
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, else JSON
    Auto,
    /// One JSON object a line
    Json,
    /// For people to read
    Text,
}

/// Where to listen: a host, which may be left out, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    host: Option<String>,
    port: u16,
}

impl ListenAddr {
    /// The addresses to try to listen on, in this order.
    ///
    /// # Errors
    /// Where the host's name has no address.
    pub fn to_listen_on(&self) -> std::io::Result<Vec<SocketAddr>> {
        match &self.host {
            // IPv6's own "every address" takes IPv4 as well; a machine without IPv6 has only the other.
            None => Ok(vec![([0_u16; 8], self.port).into(), ([0_u8; 4], self.port).into()]),
            Some(host) => Ok((host.as_str(), self.port).to_socket_addrs()?.collect()),
        }
    }

    /// The addresses at which this machine itself reaches a server that listens here.
    ///
    /// # Errors
    /// Where the host's name has no address.
    pub fn to_connect_to(&self) -> std::io::Result<Vec<SocketAddr>> {
        let reachable = |mut address: SocketAddr| {
            match address {
                SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip([127, 0, 0, 1].into()),
                SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip([0, 0, 0, 0, 0, 0, 0, 1].into()),
                _ => {}
            }
            address
        };
        Ok(self.to_listen_on()?.into_iter().map(reachable).collect())
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "LISTEN_ADDR is [HOST]:PORT, such as :8080, 127.0.0.1:8080 or [::]:8080".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let port = port.parse().map_err(|_| expected())?;
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.strip_suffix(']').ok_or_else(expected)?,
            None if host.contains([':', ']', '/']) => return Err(expected()),
            None => host,
        };
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl std::fmt::Display for ListenAddr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Some(host) if host.contains(':') => write!(formatter, "[{host}]:{}", self.port),
            host => write!(formatter, "{}:{}", host.as_deref().unwrap_or_default(), self.port),
        }
    }
}

/// Which web origins may call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any.
    Any,
    /// These, as browsers write them: scheme, host and, where it is not the scheme's own, port.
    List(Vec<HeaderValue>),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.map(origin).collect::<Result<_, _>>().map(Self::List)
    }
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let uri: Option<Uri> = text.parse().ok();
    let is_origin = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && text.matches('/').count() == 2
            && !text.contains('?')
    });
    let value = HeaderValue::from_str(text).ok().filter(|_| is_origin);
    value.ok_or_else(|| {
        format!(
            "\"{text}\" is no origin; CORS_ALLOW_ORIGINS is a list such as https://example.org,http://localhost:4321"
        )
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok();
    parsed
        .filter(|duration| !duration.is_zero() && *duration <= Duration::from_hours(24))
        .ok_or_else(|| "a time up to a day with its unit is expected, such as 10s, 500ms or 1m".to_owned())
}

fn workers(text: &str) -> Result<usize, String> {
    whole_number(text, 1..=256)
}

fn queue_depth(text: &str) -> Result<usize, String> {
    whole_number(text, 0..=65536)
}

fn whole_number(text: &str, range: std::ops::RangeInclusive<usize>) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|number| range.contains(number));
    parsed.ok_or_else(|| format!("a whole number from {} to {} is expected", range.start(), range.end()))
}

fn at_least_one<N: FromStr + Default + PartialOrd>(text: &str) -> Result<N, String> {
    let parsed = text.parse().ok().filter(|number| *number > N::default());
    parsed.ok_or_else(|| "a whole number of at least 1 is expected".to_owned())
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "one of off, error, warn, info, debug and trace is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for (text, shown, first) in [
            (":8080", ":8080", "[::]:8080"),
            ("0.0.0.0:8080", "0.0.0.0:8080", "0.0.0.0:8080"),
            ("[::]:8080", "[::]:8080", "[::]:8080"),
            ("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80", "[::1]:80"),
        ] {
            let address: ListenAddr = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.to_listen_on().unwrap()[0].to_string(), first);
        }
        for text in ["", "8080", "localhost", ":", ":http", ":65536", "::1:80", "[::1:80", "http://localhost:80"] {
            assert!(text.parse::<ListenAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_to_ask_for_health() {
        let reached = |text: &str| text.parse::<ListenAddr>().unwrap().to_connect_to().unwrap()[0].to_string();
        assert_eq!(reached(":8080"), "[::1]:8080");
        assert_eq!(reached("0.0.0.0:81"), "127.0.0.1:81");
        assert_eq!(reached("192.0.2.1:82"), "192.0.2.1:82");
    }

    #[test]
    fn durations() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        for text in ["", "10", "0s", "-1s", "soon", "2days"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins() {
        assert_eq!("*".parse(), Ok(Origins::Any));
        assert_eq!("".parse(), Ok(Origins::List(Vec::new())));
        let list = ["https://example.org", "http://localhost:4321"].map(HeaderValue::from_static).to_vec();
        assert_eq!("https://example.org/, http://localhost:4321".parse(), Ok(Origins::List(list)));
        for text in ["example.org", "ftp://example.org", "https://example.org/page", "https://", "https://a@b", "null"]
        {
            assert!(text.parse::<Origins>().is_err(), "{text}");
        }
    }
}
