use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{at_least_one, bytes, duration, within};

/// The most pictures in one request, whatever `MAX_BATCH` is.
pub const MOST_PICTURES: usize = 256;

/// How many pictures are analyzed at a time, and the limits on each.
#[derive(Args, Clone, Debug)]
pub struct Engine {
    /// Pictures analyzed at the same time, 1 to 256 [default: one per core]
    #[arg(long, env, hide_env_values = true, value_parser = within::<1, 256>)]
    pub workers: Option<usize>,

    /// Requests that may wait while every worker is busy, 0 to 65536; further ones are answered 503
    #[arg(long, env, hide_env_values = true, default_value_t = 64, value_parser = within::<0, 65536>)]
    pub queue_depth: usize,

    /// Pictures in one request, 1 to 256; a request with more is answered 413
    #[arg(long, env, hide_env_values = true, default_value_t = 32, value_parser = within::<1, MOST_PICTURES>)]
    pub max_batch: usize,

    /// Longest time for a request to wait for a worker and be analyzed, such as 10s, 500ms or 1m; one
    /// that takes longer is answered 504
    #[arg(long, env, hide_env_values = true, default_value = "10s", value_parser = duration)]
    pub inference_timeout: Duration,

    /// Largest picture, in pixels (width times height); a larger one is answered 422
    #[arg(long, env, hide_env_values = true, default_value_t = 50_000_000, value_parser = at_least_one::<u64>)]
    pub max_pixels: u64,

    /// Memory that a worker may take to decode and resize one picture, in bytes or with a unit; a picture that
    /// would take more is answered 422
    #[arg(long, env, hide_env_values = true, default_value = "640MB", value_parser = bytes)]
    pub max_picture_bytes: usize,

    /// Size at which large JPEG pictures are decoded
    #[arg(long, env, hide_env_values = true, default_value = "reduced")]
    pub jpeg_decode: JpegDecode,

    // The program that decodes in a process of its own, which `main` knows; without it, everything is decoded in
    // this process.
    #[arg(skip)]
    pub decoder: Option<PathBuf>,
}

impl Engine {
    /// The number of workers: as configured, else one per core.
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// The size at which large JPEG pictures are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JpegDecode {
    /// A half, a quarter or an eighth of the picture's size, while each side keeps at least six pixels
    /// for one of the model's input: faster, with nearly the same confidences
    Reduced,
    /// The picture's own size, as Keras decodes it
    Exact,
}
