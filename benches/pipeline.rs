//! Measures the throughput of the workers alone: no HTTP, no queue, no client.
//!
//! `scripts/bench-peers` passes the folder of its request bodies. Without a folder the bench uses the small photograph.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use glimpse::engine::Input;
use support::pipeline::{Pipelines, payload};

#[derive(Parser)]
struct Arguments {
    /// Folder of request bodies; default: one small photograph
    bodies: Option<PathBuf>,
    /// Seconds to measure
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Seconds to run before measuring
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Added by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn payloads(folder: Option<&Path>) -> Vec<Input> {
    let Some(folder) = folder else { return vec![payload(support::body(&support::small()).as_bytes())] };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| payload(&std::fs::read(file).unwrap())).collect()
}

fn main() {
    let arguments = Arguments::parse();
    let payloads = payloads(arguments.bodies.as_deref());
    let mut pipelines = Pipelines::load(&support::config());
    let mut run_for = |seconds| {
        let begun = Instant::now();
        let end = begun + Duration::from_secs(seconds);
        let done = pipelines.run(&payloads, |_| Instant::now() < end);
        f64::from(u32::try_from(done).unwrap()) / begun.elapsed().as_secs_f64()
    };
    run_for(arguments.warm_up);
    let rate = run_for(arguments.seconds);
    println!("{rate:.1} requests/s without HTTP, on {} threads", pipelines.threads());
}
