//! Measures the throughput of the workers alone: no HTTP, no queue, no client.
//!
//! `scripts/bench-peers` passes the folder of its request bodies, `scripts/bench_classify` a folder of picture files. Without a
//! folder the bench uses the small photograph.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use glimpse::engine::{Input, Payload};
use support::pipeline::{Pipelines, payload};

/// Pictures for each worker before those of a folder are measured: the first ones take the buffers' memory.
const WARM_UP: usize = 4;
/// Ticks of a second in /proc/PID/stat (proc(5)): the same on every Linux.
const TICKS: f64 = 100.0;

#[derive(Parser)]
struct Arguments {
    /// Folder of request bodies; default: one small photograph
    bodies: Option<PathBuf>,
    /// Folder of picture files to analyze once each instead, from memory
    #[arg(long, value_name = "DIR", conflicts_with = "bodies")]
    pictures: Option<PathBuf>,
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

/// The picture files of a folder, by name.
fn pictures(folder: &Path) -> Vec<Input> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| Payload::file(std::fs::read(file).unwrap().into()).into()).collect()
}

/// The CPU time of this process in seconds (proc(5), /proc/PID/stat, utime and stime).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
}

/// Analyzes each picture once, and prints pictures a second and milliseconds of CPU time for each.
fn analyze_once(pipelines: &mut Pipelines, pictures: &[Input]) {
    let warm_up = WARM_UP * pipelines.threads();
    pipelines.run(pictures, |number| number < warm_up);
    let (begun, before) = (Instant::now(), cpu());
    let done = pipelines.run(pictures, |number| number < pictures.len());
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let done = f64::from(u32::try_from(done).unwrap());
    let (rate, milliseconds) = (done / seconds, cpu * 1000.0 / done);
    println!("{rate:.2} pictures/s, {milliseconds:.2} ms of CPU time each, on {} threads", pipelines.threads());
}

fn main() {
    let arguments = Arguments::parse();
    let mut pipelines = Pipelines::load(&support::config());
    if let Some(folder) = &arguments.pictures {
        analyze_once(&mut pipelines, &pictures(folder));
        return;
    }
    let payloads = payloads(arguments.bodies.as_deref());
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
