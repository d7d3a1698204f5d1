//! What becomes of the server under ten times what it can carry, for half a minute? Prints figures,
//! and exits with 1 where one of them is not as promised.
//!
//! The clients share the machine's cores with the server, and so cost it some of its throughput.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

#[path = "support/process.rs"]
mod process;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use process::Server;
use serde_json::json;

const FACTOR: f64 = 10.0;
const SECONDS: u64 = 30;
const CLIENTS: usize = 8;
/// Requests that may be on their way at a time: a bound for this side, far over what the server takes.
const MOST: usize = 4000;
/// The server's own deadline, by default.
const DEADLINE: Duration = Duration::from_secs(10);

/// What came of one request: a status, or nothing; and after how long.
type Outcome = (Option<u16>, Duration);

async fn ask(client: &reqwest::Client, url: &str, body: &bytes::Bytes) -> Outcome {
    let begun = Instant::now();
    let status = match client.post(url).body(body.clone()).send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            response.bytes().await.ok().map(|_| status)
        }
        Err(_) => None,
    };
    (status, begun.elapsed())
}

/// Answers a second with each client sending one request after the other.
async fn peak(client: &reqwest::Client, url: &str, body: &bytes::Bytes, time: Duration) -> f64 {
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (client, url, body) = (client.clone(), url.to_owned(), body.clone());
        tokio::spawn(async move {
            let mut answers = 0_u32;
            while begun.elapsed() < time {
                assert_eq!(ask(&client, &url, &body).await.0, Some(200));
                answers += 1;
            }
            answers
        })
    });
    let mut answers = 0;
    for client in clients.collect::<Vec<_>>() {
        answers += client.await.unwrap();
    }
    f64::from(answers) / begun.elapsed().as_secs_f64()
}

/// Sends at `rate` for the time, whatever comes back.
async fn overload(client: &reqwest::Client, url: &str, body: &bytes::Bytes, rate: f64) -> (Vec<Outcome>, usize) {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let (under_way, mut left_out) = (Arc::new(AtomicUsize::new(0)), 0);
    let begun = Instant::now();
    let mut sent = 0_u32;
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        while f64::from(sent) < begun.elapsed().as_secs_f64() * rate {
            sent += 1;
            if under_way.load(Ordering::Relaxed) >= MOST {
                left_out += 1;
                continue;
            }
            under_way.fetch_add(1, Ordering::Relaxed);
            let (client, url, body) = (client.clone(), url.to_owned(), body.clone());
            let (outcomes, under_way) = (outcomes.clone(), under_way.clone());
            tokio::spawn(async move {
                let outcome = ask(&client, &url, &body).await;
                outcomes.lock().unwrap().push(outcome);
                under_way.fetch_sub(1, Ordering::Relaxed);
            });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while under_way.load(Ordering::Relaxed) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (Arc::try_unwrap(outcomes).unwrap().into_inner().unwrap(), left_out)
}

fn percentile(mut times: Vec<Duration>, part: f64) -> Duration {
    times.sort();
    let last = times.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = (last as f64 * part).round() as usize;
    times.get(index).copied().unwrap_or_default()
}

#[tokio::main]
async fn main() -> ExitCode {
    let server = Server::start();
    let picture = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/chelsea.webp")).unwrap();
    let body = bytes::Bytes::from(json!({ "base64Image": BASE64_STANDARD.encode(picture) }).to_string());
    let (client, url) = (reqwest::Client::new(), format!("{}/api/v1/analyze", server.url));
    peak(&client, &url, &body, Duration::from_secs(1)).await;
    let capacity = peak(&client, &url, &body, Duration::from_secs(5)).await;

    let probe = tokio::spawn({
        let (client, url) = (reqwest::Client::new(), format!("{}/livez", server.url));
        async move {
            let mut times = Vec::new();
            for _ in 0..SECONDS * 10 {
                let begun = Instant::now();
                assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
                times.push(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            times
        }
    });
    let begun = Instant::now();
    let (outcomes, left_out) = overload(&client, &url, &body, FACTOR * capacity).await;
    let took = begun.elapsed().as_secs_f64();
    let memory = server.memory();
    let livez = probe.await.unwrap();

    let of = |wanted: Option<u16>| {
        outcomes.iter().filter(|(status, _)| *status == wanted).map(|(_, time)| *time).collect::<Vec<_>>()
    };
    let (served, refused) = (of(Some(200)), of(Some(503)));
    let others = outcomes.len() - served.len() - refused.len();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let kept = served.len() as f64 / took / capacity;
    let checks = [
        ("answers that are neither 200 nor 503", others.to_string(), others == 0),
        ("throughput of 200s, of the unloaded peak", format!("{:.0} %", kept * 100.0), kept >= 0.9),
        (
            "p99 of the accepted",
            format!("{:?}", percentile(served.clone(), 0.99)),
            percentile(served.clone(), 0.99) < DEADLINE,
        ),
        (
            "slowest /livez",
            format!("{:?}", percentile(livez.clone(), 1.0)),
            percentile(livez.clone(), 1.0) < Duration::from_millis(50),
        ),
        ("memory", format!("{} MB", memory / 1_000_000), memory < 300_000_000),
    ];
    println!("unloaded peak: {capacity:.0} requests/s with {CLIENTS} clients");
    println!(
        "{FACTOR} times that for {SECONDS} s: {} sent, {} answered 200, {} answered 503, {left_out} not sent for want of sockets here",
        outcomes.len(),
        served.len(),
        refused.len()
    );
    println!(
        "refused after {:?} (median), {:?} (p99), seen from here",
        percentile(refused.clone(), 0.5),
        percentile(refused, 0.99)
    );
    for (what, figure, holds) in &checks {
        println!("{} {what}: {figure}", if *holds { "ok  " } else { "NOT " });
    }
    if checks.iter().all(|(_, _, holds)| *holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
