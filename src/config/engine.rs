use std::time::Duration;

use clap::Args;

use super::values::{duration, within};

/// The most pictures in one request, whatever `MAX_BATCH` is.
pub const MOST_PICTURES: usize = 256;

/// How many requests are taken, and how long each may take.
#[derive(Args, Clone, Debug)]
pub struct Engine {
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
}
