//! Does the server grow over 100,000 requests, good, odd, damaged and hostile, while other clients break off in the
//! middle, or keep connections open without a request? Prints its memory and its open files, and exits with 1 where the
//! least memory of the last quarter is a tenth more than that of the first, a file is left, a client that left is not
//! counted, an answer is not as promised, or a picture's answer is another than the first time. All workers run one
//! session, and there are more of them than cores.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

#[path = "support/abuse.rs"]
mod abuse;
#[path = "support/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{Connection, analyze, get};
use process::{Process, root, serving};

/// Requests, where no other number is asked for.
const REQUESTS: usize = 100_000;
/// After one part in so many the server has seen everything once, and has the buffers that it keeps.
const PARTS: usize = 20;
const CLIENTS: usize = 8;
/// As many as clients, so that all of them work at once.
const WORKERS: [&str; 2] = ["--workers", "8"];
/// One picture in so many is a hostile one; each has its turn.
const HOSTILE: usize = 200;
const BREAKING_OFF: u64 = 2;
const SILENT: u64 = 8;
const PINGING: usize = 8;
/// Shorter than a silent client is patient.
const KEEP_ALIVE: [&str; 2] = ["--keep-alive-timeout", "10s"];
const BETWEEN: Duration = Duration::from_millis(10);

/// Every file of a folder, but texts.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_none_or(|it| it != "md" && it != "json"));
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Numbers that are the same each time (Knuth's MMIX generator).
fn numbers(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0)
    }
}

/// A GIF of a few bytes that says it has 16 million pixels, as many as a worker keeps memory for: a byte
/// that is changed by chance makes such pictures as well, and the first of them must not come late.
fn large() -> Vec<u8> {
    let screen = b"GIF89a\xa0\x0f\xa0\x0f\x80\0\0\0\0\0\xff\xff\xff";
    [&screen[..], b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0;"].concat()
}

/// A picture as it is, with its place in `files`; or one with some bytes changed, or cut short; now and then one that is too
/// large, or none.
fn picture(files: &[Vec<u8>], random: &mut impl FnMut() -> usize) -> (Option<usize>, Vec<u8>) {
    let number = random() % files.len();
    let mut file = files[number].clone();
    match random() % 10 {
        0..5 => return (Some(number), file),
        5 | 6 => {
            for _ in 0..=random() % 8 {
                let at = random() % file.len();
                file[at] = random().to_le_bytes()[0];
            }
        }
        7 => file.truncate(random() % file.len()),
        8 if random().is_multiple_of(20) => file = large(),
        8 if file.starts_with(b"\x89PNG") => file[16..24].copy_from_slice(&[0, 0, 50, 200, 0, 0, 50, 200]),
        _ => file = vec![b'x'; random() % 100_000],
    }
    (None, file)
}

/// What all clients share.
struct Soak {
    address: SocketAddr,
    requests: usize,
    pictures: Vec<Vec<u8>>,
    hostile: Vec<Vec<u8>>,
    sent: AtomicUsize,
    statuses: Mutex<BTreeMap<u16, usize>>,
    /// The first answer to each picture that is sent as it is.
    answers: Mutex<BTreeMap<usize, String>>,
    repeated: AtomicUsize,
    broken_off: AtomicUsize,
    silent: AtomicUsize,
    pinging: AtomicUsize,
    is_over: AtomicBool,
}

impl Soak {
    async fn ask(&self, mut random: impl FnMut() -> usize) {
        let mut connection = Connection::open(self.address).await.unwrap();
        loop {
            let number = self.sent.fetch_add(1, Ordering::Relaxed);
            if number >= self.requests {
                return;
            }
            let (intact, file) = if number.is_multiple_of(HOSTILE) {
                (None, self.hostile[number / HOSTILE % self.hostile.len()].clone())
            } else {
                picture(&self.pictures, &mut random)
            };
            let status = connection.ask(&analyze(&file)).await.unwrap();
            *self.statuses.lock().unwrap().entry(status).or_default() += 1;
            if let Some(intact) = intact {
                self.compare(intact, &connection.answer());
            }
        }
    }

    /// Holds the body of an answer against that of the first one to the same picture.
    fn compare(&self, picture: usize, answer: &str) {
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut answers = self.answers.lock().unwrap();
        if let Some(first) = answers.get(&picture) {
            assert_eq!(first, body, "the answer to picture {picture} has changed");
            self.repeated.fetch_add(1, Ordering::Relaxed);
        } else {
            answers.insert(picture, body.to_owned());
        }
    }

    async fn break_off(&self, mut random: impl FnMut() -> usize) {
        while !self.is_over.load(Ordering::Relaxed) {
            let request = analyze(&picture(&self.pictures, &mut random).1);
            // Where the server was the first to close it, it is broken off as well.
            let _ = abuse::break_off(self.address, &request, &mut random).await;
            self.broken_off.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn fall_silent(&self, mut random: impl FnMut() -> usize) {
        while !self.is_over.load(Ordering::Relaxed) {
            assert!(abuse::fall_silent(self.address, &mut random).await, "a silent connection is kept");
            self.silent.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn ping(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            assert!(abuse::ping(self.address).await, "a connection without requests is kept, or closed without GOAWAY");
            self.pinging.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The requests whose clients have left, by the metrics (status 499).
async fn left(address: SocketAddr) -> usize {
    let mut connection = Connection::open(address).await.unwrap();
    assert_eq!(connection.ask(&get("/metrics")).await.unwrap(), 200);
    let metrics = connection.answer();
    let lines = metrics.lines().filter(|line| line.starts_with("glimpse_http_requests_total{"));
    let counts = lines.filter(|line| line.contains(r#"status="499""#)).filter_map(|line| line.rsplit(' ').next());
    counts.map(|count| count.parse::<usize>().unwrap()).sum()
}

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds a flag of its own.
    let requests = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(REQUESTS);
    let mut server = Process::start({
        let mut command = serving();
        command.args(KEEP_ALIVE).args(WORKERS);
        command
    });
    server.ignore_log();
    let files_before = server.files();
    let soak = Arc::new(Soak {
        address: server.address,
        requests,
        pictures: ["tests/pictures", "tests/fixtures/decode"].iter().flat_map(|it| files(&root().join(it))).collect(),
        hostile: files(&root().join("target/hostile")),
        sent: AtomicUsize::default(),
        statuses: Mutex::default(),
        answers: Mutex::default(),
        repeated: AtomicUsize::default(),
        broken_off: AtomicUsize::default(),
        silent: AtomicUsize::default(),
        pinging: AtomicUsize::default(),
        is_over: AtomicBool::default(),
    });
    let start = |index| (soak.clone(), numbers(index + 1));
    let clients: Vec<_> =
        (0..CLIENTS as u64).map(start).map(|(soak, it)| tokio::spawn(async move { soak.ask(it).await })).collect();
    let mut abusers = Vec::new();
    for (soak, random) in (100..100 + BREAKING_OFF).map(start) {
        abusers.push(tokio::spawn(async move { soak.break_off(random).await }));
    }
    for (soak, random) in (200..200 + SILENT).map(start) {
        abusers.push(tokio::spawn(async move { soak.fall_silent(random).await }));
    }
    for soak in std::iter::repeat_n(soak.clone(), PINGING) {
        abusers.push(tokio::spawn(async move { soak.ping().await }));
    }
    // The least memory in each part of the requests: what is above it belongs to the pictures that are in work.
    let mut least = Vec::new();
    for part in 1..=PARTS {
        let many = part * requests / PARTS;
        least.push(u64::MAX);
        while soak.sent.load(Ordering::Relaxed) < many {
            assert!(clients.iter().any(|client| !client.is_finished()), "every client has failed");
            tokio::time::sleep(Duration::from_millis(100)).await;
            least[part - 1] = least[part - 1].min(server.memory());
        }
        println!("after {many} requests: {} MB at least", least[part - 1] / 1_000_000);
    }
    for client in clients {
        client.await.unwrap();
    }
    // In the first part there is less than what it keeps.
    let least_of = |parts: &[u64]| parts.iter().copied().min().unwrap_or(0);
    let (early, late) = (least_of(&least[1..PARTS / 4]), least_of(&least[PARTS - PARTS / 4..]));
    soak.is_over.store(true, Ordering::Relaxed);
    for abuser in abusers {
        abuser.await.unwrap();
    }
    let left = left(soak.address).await;
    // Closed connections are closed here first.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let files_after = server.files();
    let (broken_off, silent) = (soak.broken_off.load(Ordering::Relaxed), soak.silent.load(Ordering::Relaxed));
    println!("answers by status: {:?}", soak.statuses.lock().unwrap());
    println!("{} answers were those of the first time", soak.repeated.load(Ordering::Relaxed));
    println!("meanwhile {broken_off} connections broke off, and {silent} fell silent until they were closed");
    let pinging = soak.pinging.load(Ordering::Relaxed);
    println!(
        "{left} of the first are counted as clients that left; {pinging} connections sent PINGs alone until they were closed"
    );
    println!("open files before and after: {files_before}, {files_after}");
    let is_flat = late <= early + early / 10 && files_after <= files_before;
    // A hostile picture may take too long (504). One that is sent as it is may not: its first answer is another.
    let is_polite = soak.statuses.lock().unwrap().keys().all(|status| matches!(status, 200 | 400 | 422 | 504));
    let is_counted = (1..=broken_off).contains(&left);
    if is_flat && is_polite && is_counted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
