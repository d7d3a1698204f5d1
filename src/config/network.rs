use std::time::Duration;

use clap::Args;

use super::values::{at_least_one, duration, within};

/// How long, how many and how large connections and what comes over them may be.
#[derive(Args, Clone, Copy, Debug)]
pub struct Connections {
    /// Longest time for a request's headers to come, and for a new connection's first request
    #[arg(long, env, hide_env_values = true, default_value = "10s", value_parser = duration)]
    pub header_timeout: Duration,

    /// Time for a request's body to come, however small; larger ones have more, see MIN_BODY_RATE
    #[arg(long, env, hide_env_values = true, default_value = "30s", value_parser = duration)]
    pub body_timeout: Duration,

    /// Bytes of a body for which there is another second beyond BODY_TIMEOUT
    #[arg(long, env, hide_env_values = true, default_value_t = 16 << 10, value_parser = at_least_one::<u32>)]
    pub min_body_rate: u32,

    /// Time after which a connection without a request is closed
    #[arg(long, env, hide_env_values = true, default_value = "60s", value_parser = duration)]
    pub keep_alive_timeout: Duration,

    /// Connections at a time, from 1 to 65536; others wait to be accepted
    #[arg(long, env, hide_env_values = true, default_value_t = 1024, value_parser = within::<1, 65536>)]
    pub max_connections: usize,

    /// Headers a request, from 1 to 1024; one with more is answered 431
    #[arg(long, env, hide_env_values = true, default_value_t = 100, value_parser = within::<1, 1024>)]
    pub max_headers: usize,

    /// Bytes of a request's headers, from 8192 to 1048576; one with more is answered 431
    #[arg(long, env, hide_env_values = true, default_value_t = 64 << 10, value_parser = within::<8192, 1_048_576>)]
    pub max_header_bytes: usize,

    /// Time for which connections are still accepted after SIGTERM, while /readyz says no
    #[arg(long, env, hide_env_values = true, default_value = "0s", value_parser = super::values::duration_or_none)]
    pub shutdown_delay: Duration,

    /// Longest time for what was accepted to be finished after that
    #[arg(long, env, hide_env_values = true, default_value = "30s", value_parser = duration)]
    pub shutdown_timeout: Duration,
}
