//! Every option: a flag, an environment variable and a default each.

#![allow(clippy::doc_markdown, reason = "these comments are the help text, which shows them as they are")]

mod access;
mod listen_addr;
mod network;
mod origins;
mod values;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::model::{LibrarySource, ModelSource};

pub use access::{Access, Keys, Networks, RateLimit};
pub use listen_addr::ListenAddr;
pub use network::Connections;
pub use origins::Origins;
pub(crate) use values::within;
use values::{at_least_one, duration, level};

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
    #[arg(long, env, hide_env_values = true, value_parser = within::<1, 256>)]
    pub workers: Option<usize>,

    /// Requests that may wait while every worker is busy, from 0 to 65536; one more is answered 503
    #[arg(long, env, hide_env_values = true, default_value_t = 64, value_parser = within::<0, 65536>)]
    pub queue_depth: usize,

    /// Largest request body, in bytes; a larger one is answered 413
    #[arg(long, env, hide_env_values = true, default_value_t = 20 << 20, value_parser = at_least_one::<usize>)]
    pub max_body_bytes: usize,

    /// Memory for the bodies of all requests that are being answered, in bytes; large ones may take
    /// three quarters of it, and what does not fit is answered 503
    #[arg(long, env, hide_env_values = true, default_value_t = 128 << 20, value_parser = at_least_one::<usize>)]
    pub max_inflight_bytes: usize,

    /// Largest picture, in pixels (width times height); a larger one is answered 422
    #[arg(long, env, hide_env_values = true, default_value_t = 50_000_000, value_parser = at_least_one::<u64>)]
    pub max_pixels: u64,

    /// Pixels of large JPEG pictures
    #[arg(long, env, hide_env_values = true, default_value = "reduced")]
    pub jpeg_decode: JpegDecode,

    /// Connections.
    #[command(flatten)]
    pub connections: Connections,

    /// Access.
    #[command(flatten)]
    pub access: Access,

    /// Web origins whose pages may call the API, separated by commas; "*" for any, "" for none but
    /// the server's own
    #[arg(long, env, hide_env_values = true, default_value = "http://localhost:4321", value_parser = Origins::from_str)]
    pub cors_allow_origins: Origins,

    /// Folder with the built web site to serve, for working on it [default: the one in the
    /// executable, else web/dist]
    #[arg(long, env, hide_env_values = true)]
    pub web_dir: Option<PathBuf>,

    /// Address on which alone /metrics answers [default: that of everything else]
    #[arg(long, env, hide_env_values = true, value_parser = ListenAddr::from_str)]
    pub metrics_addr: Option<ListenAddr>,

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

/// How large JPEG pictures are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JpegDecode {
    /// At a half, a quarter or an eighth of their size, with six pixels or more for each of the model's along both
    /// sides: faster, and answered nearly as the whole picture
    Reduced,
    /// Whole, as Keras' own tools do
    Exact,
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
