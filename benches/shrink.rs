//! Compares three ways of a JPEG file to a model's input, file by file: decoded whole, reduced by libjpeg-turbo, and as the
//! server does it with `JPEG_DECODE=reduced`. Prints a line of JSON for each file.
//!
//! `scripts/check_reduction` makes the files, and judges the figures.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use glimpse::image::{Decoder, Limits, Preprocess, Preprocessor};
use glimpse::stop::Stop;
use serde_json::json;

/// A model's input, whose values are those of the pixels.
const SIDE: u32 = 224;

#[derive(Parser)]
struct Arguments {
    /// Text file with the path of a JPEG file a line
    #[arg(long)]
    files: PathBuf,
    /// Times that each way is measured, in turn
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Added by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// One way to the input: what it needs, and what it has made.
struct Way {
    decoder: Decoder,
    preprocessor: Preprocessor,
    pixels: Vec<u8>,
    input: Vec<f32>,
    milliseconds: Vec<f64>,
}

/// The CPU time of this thread in milliseconds.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap()).as_secs_f64() * 1e3
}

impl Way {
    fn new() -> Self {
        let input = Preprocess::of_size(SIDE, SIDE);
        let (decoder, preprocessor) = (Decoder::new(Limits::NONE), Preprocessor::new(&input));
        Self { decoder, preprocessor, pixels: Vec::new(), input: vec![0.0; input.values()], milliseconds: Vec::new() }
    }

    /// Decodes, and resizes what was decoded.
    fn decode(&mut self, file: &[u8], detail: Option<u32>) -> u32 {
        let begun = cpu();
        let picture = self.decoder.decode(file, detail, &Stop::never(), &mut self.pixels).unwrap();
        self.preprocessor.fill(&mut self.pixels, picture, &mut self.input, &Stop::never()).unwrap();
        self.milliseconds.push(cpu() - begun);
        picture.reduction
    }

    /// As the server: from the coefficients where it can. Returns the name of the way it took.
    fn shrink(&mut self, file: &[u8]) -> &'static str {
        let begun = cpu();
        if self.preprocessor.shrink(file, &Limits::NONE, &mut self.input, &Stop::never()).unwrap().is_some() {
            self.milliseconds.push(cpu() - begun);
            return "direct";
        }
        if self.decode(file, Some(SIDE)) > 1 { "reduced" } else { "whole" }
    }

    fn median(&mut self) -> f64 {
        self.milliseconds.sort_by(f64::total_cmp);
        self.milliseconds[self.milliseconds.len() / 2]
    }

    /// The mean and the largest difference to another input, in levels of 0 to 255.
    fn differences(&self, other: &Self) -> (f64, f64) {
        let differences = self.input.iter().zip(&other.input).map(|(one, other)| f64::from((one - other).abs()));
        let (sum, most) = differences.fold((0.0, 0.0_f64), |(sum, most), value| (sum + value, most.max(value)));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let mean = sum / self.input.len() as f64;
        (mean, most)
    }
}

fn compare(path: &Path, rounds: usize) -> serde_json::Value {
    let file = std::fs::read(path).unwrap();
    let [mut whole, mut reduced, mut server] = [Way::new(), Way::new(), Way::new()];
    let mut way = "";
    for _ in 0..rounds.max(1) {
        whole.decode(&file, None);
        reduced.decode(&file, Some(SIDE));
        way = server.shrink(&file);
    }
    let ((mean, max), (reduced_mean, reduced_max)) = (server.differences(&whole), reduced.differences(&whole));
    json!({
        "file": path, "way": way, "mean": mean, "max": max, "reduced_mean": reduced_mean, "reduced_max": reduced_max,
        "milliseconds": server.median(), "reduced_milliseconds": reduced.median(), "whole_milliseconds": whole.median(),
    })
}

fn main() {
    let arguments = Arguments::parse();
    for path in std::fs::read_to_string(&arguments.files).unwrap().lines() {
        println!("{}", compare(Path::new(path), arguments.rounds));
    }
}
