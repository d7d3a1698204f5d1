//! Parses the command line and runs the command.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use glimpse::config::{Command, CommandLine, Config};
use glimpse::error::StartError;
use glimpse::telemetry::logs;
use glimpse::{commands, model, server};

/// The exit code of a Rust program whose main thread has panicked.
const PANICKED: i32 = 101;

fn main() -> ExitCode {
    let started = Instant::now();
    give_memory_back();
    model::disable_telemetry();
    let CommandLine { command, mut config } = CommandLine::of_process();
    config.pipeline.decoder = decoder();
    let done = catch_unwind(AssertUnwindSafe(|| run(command, &config, started)));
    match done {
        Ok(Ok(code)) => code,
        // The panic hook has reported it. A worker may be in the middle of a session.
        Err(_) => server::exit_now(PANICKED),
        Ok(Err(error)) => {
            logs::last_words(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(command: Option<Command>, config: &Config, started: Instant) -> Result<ExitCode, StartError> {
    match command {
        Some(Command::Classify(mut options)) => {
            options.pipeline.decoder = decoder();
            return Ok(commands::classify::classify(&options));
        }
        Some(Command::Health { listen_addr }) => {
            commands::health::health(&listen_addr.unwrap_or_else(|| config.listen_addr()))
        }
        Some(Command::Completions { shell }) => commands::describe::completions(shell),
        Some(Command::Man) => commands::describe::man(),
        Some(Command::Decode { memory }) => commands::decode::decode(memory),
        None | Some(Command::Serve) => commands::serve::serve(config, started),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// This executable, as the program that decodes. On Linux by the link that stays right when the file is replaced.
fn decoder() -> Option<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Some(link.to_owned()) } else { std::env::current_exe().ok() }
}

/// Makes glibc return large blocks to the system as soon as they are freed.
///
/// By default glibc raises its threshold for that with each block that is freed, up to 32 MB, and the heap
/// fragments: over 100,000 requests the server grew by a tenth (`scripts/soak`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a setting of the C library")]
fn give_memory_back() {
    /// In bytes. The small allocations of a request stay below it, buffers for pixels are above.
    const LARGE: i32 = 1 << 20;
    // SAFETY: the call only sets a number, and there are no other threads yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
