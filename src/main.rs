//! Wiring: command line -> log -> server.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use glimpse::config::{Command, CommandLine, Config};
use glimpse::error::StartError;
use glimpse::{server, telemetry};

fn main() -> ExitCode {
    let started = process_start();
    let CommandLine { command, config } = CommandLine::parse();
    let done = match command {
        Some(Command::Health) => server::health(&config.listen_addr),
        None => serve(config, started),
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

/// When the process began: a little before `main`. Linux tells it to the hundredth of a second.
fn process_start() -> Instant {
    let now = Instant::now();
    #[cfg(target_os = "linux")]
    if let Some(age) = process_age() {
        return now.checked_sub(age).unwrap_or(now);
    }
    now
}

/// From the kernel's own record, `starttime` of proc(5), in ticks since the machine has started.
#[cfg(target_os = "linux")]
fn process_age() -> Option<std::time::Duration> {
    use std::time::Duration;

    let record = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in parentheses, may hold blanks; `starttime` is the 22nd.
    let after_name = record.rsplit_once(')')?.1;
    let ticks: u64 = after_name.split_whitespace().nth(22 - 3)?.parse().ok()?;
    let begun = Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second());
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now = Duration::new(now.tv_sec.try_into().ok()?, now.tv_nsec.try_into().ok()?);
    now.checked_sub(begun)
}

fn serve(config: Config, started: Instant) -> Result<(), StartError> {
    telemetry::start(&config);
    let app = server::load(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format!("The system refuses the server's threads: {error}.")))?;
    runtime.block_on(server::run(app, &config, started))
}
