use std::sync::LazyLock;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use uuid::Uuid;

use super::values::level;

/// The name of a process that has been given none (OpenTelemetry's recommendation for `service.instance.id`).
static UNNAMED: LazyLock<String> = LazyLock::new(|| Uuid::new_v4().to_string());

/// The log on standard output.
#[derive(Args, Clone, Debug)]
pub struct Log {
    /// Name of this process in the log, the metrics and the traces [default: a random UUID]
    #[arg(long, env, hide_env_values = true, default_value = UNNAMED.as_str(), hide_default_value = true)]
    pub instance_id: String,

    /// Format of the log on standard output
    #[arg(long, env, hide_env_values = true, default_value = "auto")]
    pub log_format: LogFormat,

    /// Least severe level that is logged: off, error, warn, info, debug or trace
    #[arg(long, env, hide_env_values = true, default_value = "info", value_parser = level)]
    pub log_level: LevelFilter,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// One JSON object per line
    Json,
    /// Text for people
    Text,
}
