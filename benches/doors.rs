//! What does a picture cost by each door? The same photographs as JSON, as the file itself, in the Open Inference Protocol and
//! by gRPC, one by one and in batches, to one server in one run. Prints the server's CPU time for each picture and its ratio
//! to JSON's.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

#[path = "support/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/grpc.rs"]
mod grpc;
#[path = "../tests/it/support/jpeg.rs"]
mod jpeg;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/process.rs"]
mod process;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use client::Connection;
use glimpse::grpc::pb::glimpse::{ClassifyBatchRequest, ClassifyBatchResponse};
use glimpse::protocol::oip::prefixed;
use image::RgbImage;
use image::imageops::{FilterType, resize};
use jpeg::jpeg;
use process::{Process, root, serving};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Pictures in a batch.
const BATCH: usize = 8;
/// Clients at a time that send pictures one by one; batches come from one.
const CLIENTS: usize = 4;
/// Every door has its turn in each round.
const ROUNDS: usize = 5;
/// Seconds of a turn, where no other number is asked for.
const SECONDS: u64 = 4;
/// Ticks of a second in /proc/PID/stat (proc(5)): the same on every Linux.
const TICKS: f64 = 100.0;

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Json,
    File,
    Binary,
    Grpc,
    JsonBatch,
    BinaryBatch,
    GrpcBatch,
}

impl Door {
    const ALL: [Self; 7] =
        [Self::Json, Self::File, Self::Binary, Self::Grpc, Self::JsonBatch, Self::BinaryBatch, Self::GrpcBatch];

    fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::File => "the file itself",
            Self::Binary => "Open Inference Protocol, binary",
            Self::Grpc => "gRPC",
            Self::JsonBatch => "JSON, batches of 8",
            Self::BinaryBatch => "Open Inference Protocol, binary, batches of 8",
            Self::GrpcBatch => "gRPC, batches of 8",
        }
    }

    fn pictures(self) -> usize {
        if matches!(self, Self::JsonBatch | Self::BinaryBatch | Self::GrpcBatch) { BATCH } else { 1 }
    }
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Pictures in the binary form of the Open Inference Protocol: three labels of each.
fn binary(files: &[Vec<u8>]) -> Vec<u8> {
    let data = prefixed(files.iter().map(Vec::as_slice));
    let json = serde_json::json!({
        "inputs": [{
            "name": "image",
            "shape": [files.len()],
            "datatype": "BYTES",
            "parameters": { "binary_data_size": data.len() },
        }],
        "outputs": [{ "name": "probabilities", "parameters": { "classification": 3 } }],
    })
    .to_string();
    let headers = format!("inference-header-content-length: {}\r\n", json.len());
    post("/v2/models/bench/infer", &headers, &[json.as_bytes(), &data].concat())
}

/// The requests of a door over HTTP.
fn requests(door: Door, files: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let batches = || files.chunks_exact(BATCH);
    match door {
        Door::Json => files.iter().map(|file| client::analyze(file)).collect(),
        Door::File => files.iter().map(|file| post("/api/v1/analyze", "content-type: image/jpeg\r\n", file)).collect(),
        Door::Binary => files.iter().map(|file| binary(std::slice::from_ref(file))).collect(),
        Door::BinaryBatch => batches().map(binary).collect(),
        Door::JsonBatch => batches()
            .map(|files| {
                let images: Vec<_> = files.iter().map(|file| BASE64_STANDARD.encode(file)).collect();
                let body = serde_json::json!({ "images": images }).to_string();
                post("/api/v1/analyze/batch", "content-type: application/json\r\n", body.as_bytes())
            })
            .collect(),
        Door::Grpc | Door::GrpcBatch => Vec::new(),
    }
}

/// Sends by one door until `end`; returns the pictures that were answered.
async fn send(door: Door, address: SocketAddr, files: Rc<Vec<Vec<u8>>>, end: Instant, first: usize) -> usize {
    let mut answered = 0;
    if matches!(door, Door::Grpc | Door::GrpcBatch) {
        let client = grpc::Client::new(address);
        for number in (first..).take_while(|_| Instant::now() < end) {
            if door == Door::Grpc {
                client.classify(grpc::classify(files[number % files.len()].clone())).await.unwrap();
            } else {
                let batch = files.chunks_exact(BATCH).nth(number % (files.len() / BATCH)).unwrap();
                let images = batch.iter().map(|file| file.clone().into()).collect();
                let request = ClassifyBatchRequest { images, ..ClassifyBatchRequest::default() };
                let path = "/glimpse.v1.Classifier/ClassifyBatch";
                let answer: ClassifyBatchResponse = client.call(path, request).await.unwrap();
                assert_eq!(answer.results.len(), BATCH);
            }
            answered += door.pictures();
        }
        return answered;
    }
    let requests = requests(door, &files);
    let mut connection = Connection::open(address).await.unwrap();
    for number in (first..).take_while(|_| Instant::now() < end) {
        assert_eq!(connection.ask(&requests[number % requests.len()]).await.unwrap(), 200);
        answered += door.pictures();
    }
    answered
}

/// CPU time of a process in seconds (proc(5), /proc/PID/stat, utime and stime).
fn cpu(process: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
}

/// Photographs of this size, with a sensor's grain.
fn photographs(width: u32, height: u32) -> Vec<Vec<u8>> {
    let pictures = ["chelsea.png", "coffee.png", "rocket.jpg", "chelsea.bmp"];
    let mut noise = 1_u32;
    let mut grain = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(noise >> 28).unwrap()
    };
    let grained = |name: &str| {
        let file = std::fs::read(root().join("tests/pictures").join(name)).unwrap();
        let picture = image::load_from_memory(&file).map_or_else(|_| decoded(&file), image::DynamicImage::into_rgb8);
        let mut picture = resize(&picture, width, height, FilterType::CatmullRom);
        picture.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| value.saturating_add(grain())));
        jpeg(&picture, 90)
    };
    let files: Vec<_> = pictures.into_iter().map(grained).collect();
    [files.clone(), files].concat()
}

/// A picture that `image` is not built to read.
fn decoded(file: &[u8]) -> RgbImage {
    let mut pixels = Vec::new();
    let mut decoder = glimpse::image::Decoder::new(glimpse::image::Limits::NONE);
    let picture = decoder.decode(file, None, &glimpse::stop::Stop::never(), &mut pixels).unwrap();
    RgbImage::from_raw(picture.size.width, picture.size.height, pixels).unwrap()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
async fn measure(process: &Process, files: Rc<Vec<Vec<u8>>>, time: Duration) {
    let mut figures = Door::ALL.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (door, figures) in Door::ALL.into_iter().zip(&mut figures) {
            let (before, end) = (cpu(process), Instant::now() + time);
            let clients = if door.pictures() == 1 { CLIENTS } else { 1 };
            let sent = (0..clients)
                .map(|first| tokio::task::spawn_local(send(door, process.address, files.clone(), end, first)));
            let mut pictures = 0;
            for sent in sent.collect::<Vec<_>>() {
                pictures += sent.await.unwrap();
            }
            figures.push((cpu(process) - before) * 1000.0 / pictures as f64);
        }
    }
    let medians = figures.map(|mut figures| median(&mut figures));
    for (door, figure) in Door::ALL.into_iter().zip(medians) {
        println!("| {} | {figure:.2} | {:.3} |", door.name(), figure / medians[0]);
    }
}

fn main() {
    // Cargo adds a flag of its own.
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(SECONDS);
    let mut command = serving();
    // A batch of eight large photographs is 40 MB as JSON.
    command.args(["--model-name", "bench", "--max-body-bytes", "64MiB", "--max-inflight-bytes", "512MiB"]);
    let mut process = Process::start(command);
    process.ignore_log();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for (what, width, height) in [("small, 500 x 375", 500, 375), ("12 megapixels, 4000 x 3000", 4000, 3000)] {
        println!("\n| {what} | CPU ms a picture | ratio to JSON |\n| --- | --- | --- |");
        let files = Rc::new(photographs(width, height));
        let measured = measure(&process, files, Duration::from_secs(seconds));
        runtime.block_on(LocalSet::new().run_until(measured));
    }
}
