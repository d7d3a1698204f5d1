//! Wiring: command line -> log -> server.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use glimpse::config::{Command, CommandLine, Config};
use glimpse::error::StartError;
use glimpse::{server, telemetry};

fn main() -> ExitCode {
    let started = Instant::now();
    let CommandLine { command, config } = CommandLine::parse();
    let done = match command {
        Some(Command::Health) => server::health(&config.listen_addr),
        None => serve(&config, started),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "why it did not start is for whoever started it")]
            {
                eprintln!("glimpse: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn serve(config: &Config, started: Instant) -> Result<(), StartError> {
    telemetry::logs::start(config);
    let app = server::load(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format!("The system refuses the server's threads: {error}.")))?;
    runtime.block_on(server::run(app, config, started))
}
