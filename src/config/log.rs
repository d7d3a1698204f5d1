use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;

use super::values::level;

/// The log on standard output.
#[derive(Args, Clone, Copy, Debug)]
pub struct Log {
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
