use std::time::Duration;

use clap::Args;

use super::values::{at_least_one, duration, duration_or_none, within};

/// Limits of connections and of what comes over them.
#[derive(Args, Clone, Copy, Debug)]
pub struct Connections {
    /// Time for a request's headers, from their first byte
    #[arg(long, env, hide_env_values = true, default_value = "10s", value_parser = duration)]
    pub header_timeout: Duration,

    /// Time for a request's body, however small; a larger body has more, see MIN_BODY_RATE
    #[arg(long, env, hide_env_values = true, default_value = "30s", value_parser = duration)]
    pub body_timeout: Duration,

    /// Bytes of a body for which there is another second beyond BODY_TIMEOUT
    #[arg(long, env, hide_env_values = true, default_value_t = 16 << 10, value_parser = at_least_one::<u32>)]
    pub min_body_rate: u32,

    /// Time over which the rate of a client that reads an answer is measured; only the time counts in
    /// which the client keeps the server waiting
    #[arg(long, env, hide_env_values = true, default_value = "30s", value_parser = duration)]
    pub send_timeout: Duration,

    /// Bytes a second at which an answer must be read; a slower client is cut off
    #[arg(long, env, hide_env_values = true, default_value_t = 1 << 10, value_parser = at_least_one::<u32>)]
    pub min_send_rate: u32,

    /// Time after which a connection without a request is closed; longer than that of a proxy in front
    #[arg(long, env, hide_env_values = true, default_value = "75s", value_parser = duration)]
    pub keep_alive_timeout: Duration,

    /// Age at which a connection is closed after its running requests, a tenth more or less, so that
    /// clients spread over new servers [default: no limit]
    #[arg(long, env, hide_env_values = true, value_parser = duration)]
    pub max_connection_age: Option<Duration>,

    /// Connections at a time, from 1 to 65536; one more takes the place of the longest idle, or waits
    #[arg(long, env, hide_env_values = true, default_value_t = 1024, value_parser = within::<1, 65536>)]
    pub max_connections: usize,

    /// Headers of a request, from 1 to 1024; a request with more is answered 431
    #[arg(long, env, hide_env_values = true, default_value_t = 100, value_parser = within::<1, 1024>)]
    pub max_headers: usize,

    /// Bytes of a request's headers, from 8192 to 1048576; a request with more is answered 431
    #[arg(long, env, hide_env_values = true, default_value_t = 64 << 10, value_parser = within::<8192, 1_048_576>)]
    pub max_header_bytes: usize,

    /// After SIGTERM, keep accepting connections this long while /readyz answers 503
    #[arg(long, env, hide_env_values = true, default_value = "0s", value_parser = duration_or_none)]
    pub shutdown_delay: Duration,

    /// After that, time for accepted connections to finish; also for those at MAX_CONNECTION_AGE
    #[arg(long, env, hide_env_values = true, default_value = "30s", value_parser = duration)]
    pub shutdown_timeout: Duration,
}
