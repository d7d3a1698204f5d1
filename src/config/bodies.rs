use clap::Args;

use super::values::bytes;

/// The memory that request bodies may take.
#[derive(Args, Clone, Copy, Debug)]
pub struct Bodies {
    /// Largest request body, in bytes or with a unit such as 20MB or 20MiB; a larger one is answered
    /// 413
    #[arg(long, env, hide_env_values = true, default_value = "20MiB", value_parser = bytes)]
    pub max_body_bytes: usize,

    /// Memory for the bodies of all requests in progress, in bytes or with a unit; bodies over 1 MiB
    /// share three quarters of it, and a body that does not fit is answered 503; by default less where
    /// the container or the machine has little memory [default: 128MiB]
    #[arg(long, env, hide_env_values = true, value_parser = bytes)]
    pub max_inflight_bytes: Option<usize>,
}
