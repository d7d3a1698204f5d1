//! The command line: every option is a flag and an environment variable.
//!
//! A file for each concern holds its options; `values` holds the notations that they share.

#![allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "these comments are the help text, which shows them as they are"
)]

mod access;
mod adapters;
mod bodies;
mod budgets;
mod cgroup;
mod classify;
mod engine;
mod listen_addr;
mod log;
mod model;
mod network;
mod pipeline;
mod site;
mod values;

use std::str::FromStr;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use access::{Access, RateLimit};
pub use adapters::{AdapterOptions, Adapters};
pub use bodies::Bodies;
pub use budgets::Budgets;
pub use classify::{Classify, Format};
pub use engine::{Engine, MOST_PICTURES};
pub use listen_addr::ListenAddr;
pub use log::{Log, LogFormat};
pub use model::{Model, ModelFile};
pub use network::Connections;
pub use pipeline::{JpegDecode, Pipeline};
pub use site::Site;
pub use values::{Networks, Origins};
pub(crate) use values::{list, within};

/// Takes a photograph over HTTP and answers with its three most likely ImageNet labels.
///
/// POST /api/v1/analyze {"base64Image": "..."} returns [{"label": "...", "confidence": 0.0}, ...],
/// most likely first. Every option is a flag or an environment variable. The flag wins, and an empty
/// variable counts as unset.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, mut_args = unset_if_empty)]
pub struct CommandLine {
    /// The command to run; without one, the server.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub config: Config,
}

impl CommandLine {
    /// The command line of this process. Ends the process with a sentence if it can't be used.
    pub fn of_process() -> Self {
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        if let Some((name @ ("classify" | "completions" | "man"), _)) = matches.subcommand() {
            let is_given = |option: &&Arg| {
                matches.try_contains_id(option.get_id().as_str()).is_ok()
                    && matches.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine)
            };
            // It would be the server's, and mean nothing here.
            let given = command.get_arguments().find(is_given).and_then(Arg::get_long).map(str::to_owned);
            if let Some(option) = given {
                let sentence = format!("--{option} must stand behind {name}");
                command.error(ErrorKind::ArgumentConflict, sentence).exit();
            }
        }
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// What the executable does besides serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve, as without a command; SageMaker starts its containers so
    Serve,
    /// Say what is in pictures: files and folders, without a server
    #[command(mut_args = unset_if_empty)]
    Classify(Box<Classify>),
    /// Ask the server at LISTEN_ADDR on this machine whether it is healthy
    Health {
        /// Address that the server listens on
        #[arg(long, value_parser = ListenAddr::from_str)]
        listen_addr: Option<ListenAddr>,
    },
    /// Print a script that completes the command line in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Decode pictures for the server, which starts this command
    #[command(hide = true)]
    Decode {
        /// Memory that the process may take, in bytes
        memory: u64,
    },
}

/// The configuration of the server.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Address to listen on: ":8080" is every address of this machine, "127.0.0.1:8080" is for this
    /// machine alone; an IPv6 address stands in brackets
    #[arg(long, env, hide_env_values = true, default_value = ":8080", value_parser = ListenAddr::from_str)]
    listen_addr: ListenAddr,

    #[command(flatten, next_help_heading = "Model")]
    pub model: Model,

    #[command(flatten, next_help_heading = "Analysis")]
    pub pipeline: Pipeline,

    #[command(flatten)]
    pub engine: Engine,

    #[command(flatten, next_help_heading = "Request bodies")]
    pub bodies: Bodies,

    #[command(flatten, next_help_heading = "Connections")]
    pub connections: Connections,

    #[command(flatten, next_help_heading = "Access")]
    pub access: Access,

    #[command(flatten, next_help_heading = "Adapters")]
    pub adapters: AdapterOptions,

    #[command(flatten, next_help_heading = "Web site")]
    pub site: Site,

    #[command(flatten, next_help_heading = "Log")]
    pub log: Log,
}

impl Config {
    /// The workers, and the memory that they and the bodies may take.
    pub fn budgets(&self) -> Budgets {
        Budgets::new(&self.pipeline, Some(&self.bodies), self.model.file.source().length())
    }

    /// The address to listen on. The port that Vertex AI chooses takes the place of the default.
    pub fn listen_addr(&self) -> ListenAddr {
        match self.adapters.aip_http_port {
            Some(port) if self.listen_addr == ListenAddr::default() => ListenAddr::of_port(port),
            _ => self.listen_addr.clone(),
        }
    }
}

/// The options for which an empty variable is an error. An empty list of keys would open the server to
/// everybody, which nobody asks for by writing `API_KEYS=`.
const NEVER_EMPTY: [&str; 1] = ["api_keys"];

/// Detaches an option from its environment variable while the variable is empty, so that its default
/// applies. Compose files and unit files pass a variable that has no value as an empty one.
///
/// It applies to every option through `mut_args`, also to those that are added later.
fn unset_if_empty(option: Arg) -> Arg {
    let is_empty = option.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_empty && !NEVER_EMPTY.contains(&option.get_id().as_str()) { option.env(None::<&str>) } else { option }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_a_flag_and_the_variable_of_the_same_field() {
        let command = CommandLine::command();
        command.clone().debug_assert();
        let options: Vec<_> = command.get_arguments().filter(|option| option.get_id() != "help").collect();
        assert!(options.len() > 20, "{} options", options.len());
        for option in options.into_iter().filter(|option| option.get_id() != "version") {
            let id = option.get_id().as_str();
            assert!(option.get_long().is_some(), "{id}");
            assert_eq!(option.get_env(), Some(id.to_uppercase().as_ref()), "{id}");
            assert!(option.is_hide_env_values_set(), "{id}: its value would be in the help text");
        }
    }

    #[test]
    fn the_exceptions_are_options() {
        let command = CommandLine::command();
        for name in NEVER_EMPTY {
            assert!(command.get_arguments().any(|option| option.get_id() == name), "{name}");
        }
    }
}
