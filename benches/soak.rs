//! Does the server grow over 100,000 requests, good, odd and damaged? Prints its memory and its open
//! files, and exits with 1 where the memory at the end is a tenth more than early on, or a file is left.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

#[path = "support/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use process::Server;
use serde_json::json;

const REQUESTS: usize = 100_000;
/// After so many the server has seen everything once, and has the buffers that it keeps.
const SETTLED: usize = 5_000;
const CLIENTS: usize = 8;

/// Every file of a folder, but texts.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_none_or(|it| it != "md" && it != "json"));
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Numbers that are the same each time (Knuth's MMIX generator).
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap_or(0)
}

/// A GIF of a few bytes that says it has 16 million pixels, as many as a worker keeps memory for: a byte
/// that is changed by chance makes such pictures as well, and the first of them must not come late.
fn large() -> Vec<u8> {
    let screen = b"GIF89a\xa0\x0f\xa0\x0f\x80\0\0\0\0\0\xff\xff\xff";
    [&screen[..], b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0;"].concat()
}

/// A picture as it is, with some bytes changed, or cut short; now and then one that is too large, or none.
fn picture(files: &[Vec<u8>], state: &mut u64) -> Vec<u8> {
    let mut file = files[next(state) % files.len()].clone();
    match next(state) % 10 {
        0..5 => {}
        5 | 6 => {
            for _ in 0..=next(state) % 8 {
                let at = next(state) % file.len();
                file[at] = next(state).to_le_bytes()[0];
            }
        }
        7 => file.truncate(next(state) % file.len()),
        8 if next(state).is_multiple_of(20) => file = large(),
        8 if file.starts_with(b"\x89PNG") => file[16..24].copy_from_slice(&[0, 0, 50, 200, 0, 0, 50, 200]),
        _ => file = vec![b'x'; next(state) % 100_000],
    }
    file
}

#[tokio::main]
async fn main() -> ExitCode {
    let server = Server::start();
    let mut pictures = files("tests/pictures");
    pictures.extend(files("tests/fixtures/decode"));
    let (pictures, sent) = (Arc::new(pictures), Arc::new(AtomicUsize::new(0)));
    let statuses = Arc::new(Mutex::new(BTreeMap::<u16, usize>::new()));
    let files_before = server.files();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (pictures, sent, statuses) = (pictures.clone(), sent.clone(), statuses.clone());
            let (url, mut state) = (format!("{}/api/v1/analyze", server.url), client as u64 + 1);
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                while sent.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                    let text = BASE64_STANDARD.encode(picture(&pictures, &mut state));
                    let response =
                        client.post(&url).body(json!({ "base64Image": text }).to_string()).send().await.unwrap();
                    let status = response.status().as_u16();
                    response.bytes().await.unwrap();
                    *statuses.lock().unwrap().entry(status).or_default() += 1;
                }
            })
        })
        .collect();
    let mut early = 0;
    for step in 1..REQUESTS / SETTLED {
        while sent.load(Ordering::Relaxed) < step * SETTLED {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let memory = server.memory();
        println!("after {} requests: {} MB", step * SETTLED, memory / 1_000_000);
        early = if step == 1 { memory } else { early };
    }
    for client in clients {
        client.await.unwrap();
    }
    let late = server.memory();
    // Closed connections are closed here first.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let files_after = server.files();
    println!("after {REQUESTS}: {} MB; answers by status: {:?}", late / 1_000_000, statuses.lock().unwrap());
    println!("open files before and after: {files_before}, {files_after}");
    let is_flat = late <= early + early / 10 && files_after <= files_before;
    let is_polite = statuses.lock().unwrap().keys().all(|status| matches!(status, 200 | 400 | 422));
    if is_flat && is_polite { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
