//! What becomes of the server under ten times what it can carry, for half a minute? Prints figures,
//! and exits with 1 where one of them is not as promised.
//!
//! The clients share the machine's cores with the server, and so cost it some of its throughput: they
//! run on one thread, and do as little as they can.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

#[path = "support/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/grpc.rs"]
mod grpc;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/process.rs"]
mod process;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use client::{Connection, analyze, file, form, get};
use process::{Process, root, serving};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

const FACTOR: f64 = 10.0;
/// The time under load, where no other is asked for.
const SECONDS: u64 = 30;
const CLIENTS: usize = 8;
/// Connections of gRPC, each with as many streams as the server allows.
const CHANNELS: usize = 8;
/// Requests that may be on their way at a time: the server takes 1,024 connections, by default.
const MOST: usize = 1000;
/// The server's own deadline, by default.
const DEADLINE: Duration = Duration::from_secs(10);
/// What the README states as the most that it takes.
const MEMORY: u64 = 300_000_000;

/// What came of one request: a status, or how it failed; and after how long.
type Outcome = (Result<u16, ErrorKind>, Duration);

/// Answers a second with each client sending one request after the other.
async fn peak(address: SocketAddr, request: &Rc<[u8]>, time: Duration) -> f64 {
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let request = request.clone();
        tokio::task::spawn_local(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let mut answers = 0_u32;
            while begun.elapsed() < time {
                assert_eq!(connection.ask(&request).await.unwrap(), 200);
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

/// Requests on their way, the connections that wait for the next, and what came of those before.
#[derive(Default)]
struct Load {
    under_way: Cell<usize>,
    idle: RefCell<Vec<Connection>>,
    channels: Vec<grpc::Client>,
    outcomes: RefCell<Vec<Outcome>>,
}

impl Load {
    /// A message of gRPC. What it answers is told as HTTP would tell it.
    async fn ask_by_grpc(&self, number: usize, picture: &[u8]) {
        let begun = Instant::now();
        let answer = self.channels[number / 4 % CHANNELS].classify(grpc::classify(picture.to_vec())).await;
        let status = match answer.map_err(|status| status.code()) {
            Ok(_) => Ok(200),
            Err(tonic::Code::Unavailable) => Ok(503),
            Err(_) => Err(ErrorKind::Other),
        };
        self.outcomes.borrow_mut().push((status, begun.elapsed()));
        self.under_way.update(|count| count - 1);
    }

    async fn ask(&self, address: SocketAddr, request: &[u8]) {
        let begun = Instant::now();
        let kept = self.idle.borrow_mut().pop();
        let asked = async {
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(address).await?,
            };
            let status = connection.ask(request).await?;
            self.idle.borrow_mut().push(connection);
            Ok::<_, std::io::Error>(status)
        };
        let status = asked.await.map_err(|error| error.kind());
        self.outcomes.borrow_mut().push((status, begun.elapsed()));
        self.under_way.update(|count| count - 1);
    }
}

/// Sends a picture as JSON, as itself, in a form and by gRPC in turn, at `rate` for the time, whatever comes back. Returns
/// the outcomes, and how many were not sent.
async fn overload(address: SocketAddr, picture: &[u8], rate: f64, time: Duration) -> (Vec<Outcome>, usize) {
    let channels = (0..CHANNELS).map(|_| grpc::Client::new(address)).collect();
    let load = Rc::new(Load { channels, ..Load::default() });
    let requests: [Rc<[u8]>; 3] = [analyze(picture).into(), file(picture).into(), form(picture).into()];
    let picture: Rc<[u8]> = picture.into();
    let begun = Instant::now();
    let (mut due, mut left_out) = (0_u32, 0);
    while begun.elapsed() < time {
        while f64::from(due) < begun.elapsed().as_secs_f64() * rate {
            due += 1;
            if load.under_way.get() >= MOST {
                left_out += 1;
                continue;
            }
            load.under_way.update(|count| count + 1);
            let (load, turn) = (load.clone(), due as usize);
            if let Some(request) = requests.get(turn % (requests.len() + 1)).cloned() {
                tokio::task::spawn_local(async move { load.ask(address, &request).await });
            } else {
                let picture = picture.clone();
                tokio::task::spawn_local(async move { load.ask_by_grpc(turn, &picture).await });
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while load.under_way.get() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (load.outcomes.take(), left_out)
}

/// How long `/livez` takes, ten times a second. On a thread of its own: the other has much to do.
fn probe(address: SocketAddr, time: Duration) -> std::thread::JoinHandle<Vec<Duration>> {
    std::thread::spawn(move || {
        runtime().block_on(async {
            let mut connection = Connection::open(address).await.unwrap();
            let (request, begun, mut times) = (get("/livez"), Instant::now(), Vec::new());
            while begun.elapsed() < time {
                let asked = Instant::now();
                assert_eq!(connection.ask(&request).await.unwrap(), 200);
                times.push(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            times
        })
    })
}

fn percentile(times: &mut [Duration], part: f64) -> Duration {
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

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn run(time: Duration) -> ExitCode {
    let mut server = Process::start(serving());
    server.ignore_log();
    let address = server.address;
    let picture = std::fs::read(root().join("tests/pictures/chelsea.webp")).unwrap();
    let request: Rc<[u8]> = analyze(&picture).into();
    peak(address, &request, Duration::from_secs(1)).await;
    let capacity = peak(address, &request, Duration::from_secs(5)).await;

    let livez = probe(address, time);
    let begun = Instant::now();
    let (outcomes, left_out) = overload(address, &picture, FACTOR * capacity, time).await;
    let took = begun.elapsed().as_secs_f64();
    let memory = server.memory();
    let mut livez = livez.join().unwrap();

    let of = |wanted: u16| {
        let outcomes = outcomes.iter().filter(|(status, _)| *status == Ok(wanted));
        outcomes.map(|(_, time)| *time).collect::<Vec<_>>()
    };
    let (mut served, mut refused) = (of(200), of(503));
    println!("unloaded peak: {capacity:.0} requests/s with {CLIENTS} clients");
    println!(
        "{FACTOR} times that for {} s: {} sent, {} answered 200, {} answered 503, {left_out} not sent for want of connections",
        time.as_secs(),
        outcomes.len(),
        served.len(),
        refused.len()
    );
    println!("refused after {:?} (median), seen from here", percentile(&mut refused, 0.5));
    let others: Vec<_> = outcomes.iter().filter(|(status, _)| !matches!(status, Ok(200 | 503))).collect();
    for (outcome, time) in &others {
        println!("{outcome:?} after {time:?}");
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let kept = served.len() as f64 / took / capacity;
    let accepted = percentile(&mut served, 0.99);
    let refusals = percentile(&mut refused, 0.99);
    let slowest = percentile(&mut livez, 1.0);
    let checks = [
        ("answers that are neither 200 nor 503", others.len().to_string(), others.is_empty()),
        ("throughput of 200s, of the unloaded peak", format!("{:.0} %", kept * 100.0), kept >= 0.9),
        ("p99 of the accepted", format!("{accepted:?}"), accepted < DEADLINE),
        ("p99 of the refused", format!("{refusals:?}"), refusals < Duration::from_millis(10)),
        ("slowest /livez", format!("{slowest:?}"), slowest < Duration::from_millis(50)),
        ("memory", format!("{} MB", memory / 1_000_000), memory < MEMORY),
    ];
    for (what, figure, holds) in &checks {
        println!("{} {what}: {figure}", if *holds { "ok  " } else { "NOT " });
    }
    if checks.iter().all(|(_, _, holds)| *holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn main() -> ExitCode {
    // Cargo adds a flag of its own.
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(SECONDS);
    runtime().block_on(LocalSet::new().run_until(run(Duration::from_secs(seconds))))
}
