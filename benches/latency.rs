//! The load generator of `scripts/bench_latency`: sends each request at a given time, whatever has come of those before, and
//! prints when it was due, sent and answered.
//!
//! ```text
//! latency open PORTS FOLDER CONNECTIONS least|random          times in microseconds from standard input, one a line
//! latency closed PORTS FOLDER CONNECTIONS least|random SECONDS
//! latency serve PORT
//! ```
//!
//! The bodies are the files of FOLDER. With several ports, separated by commas, each request goes to the one with the fewest
//! requests under way (`least`), or to any (`random`). `closed` sends on each connection one request after another. `serve` is a
//! server that does nothing, to measure the generator itself.
//!
//! It has a thread for each connection. A thread takes the next time, sleeps until then, and waits for the answer. A request that
//! finds no thread free is sent late; its latency still counts from the time at which it was due, which is what corrects for
//! coordinated omission.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "what fails here fails the run")]

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::str::FromStr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// The time in which a request must be answered.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The time for all threads to start, before the first request is due.
const LEAD: Duration = Duration::from_millis(200);

/// The answer of a server that does nothing.
const NOTHING: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// The length of a buffer for answers, and for the requests to a server that does nothing.
const BUFFER: usize = 16 * 1024;

/// The servers, and how many requests are under way at each.
struct Balancer {
    servers: Vec<SocketAddr>,
    under_way: Mutex<Vec<usize>>,
    is_least: bool,
}

impl Balancer {
    /// The index of the server for a request.
    fn begin(&self, number: usize) -> usize {
        let mut under_way = self.under_way.lock().unwrap();
        let count = self.servers.len();
        let chosen = if self.is_least {
            // Where several have as few, they take turns.
            (0..count).map(|offset| (number + offset) % count).min_by_key(|&index| under_way[index]).unwrap()
        } else {
            usize::try_from(scattered(number as u64) % count as u64).unwrap()
        };
        under_way[chosen] += 1;
        chosen
    }

    fn end(&self, index: usize) {
        self.under_way.lock().unwrap()[index] -= 1;
    }
}

/// A number without any relation to `number`, the same in every run: the step of `SplitMix64` (Steele, Lea and Flood 2014).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// When requests are to be sent.
enum Schedule {
    /// At these times after the beginning.
    Open(Vec<Duration>),
    /// One after another, until this time.
    Closed(Duration),
}

impl Schedule {
    /// The time of a request, or `None` after the last one.
    fn due(&self, number: usize, now: Duration) -> Option<Duration> {
        match self {
            Self::Open(times) => times.get(number).copied(),
            Self::Closed(end) => (now < *end).then_some(now),
        }
    }
}

struct Load {
    balancer: Balancer,
    requests: Vec<Vec<u8>>,
    schedule: Schedule,
    next: Mutex<usize>,
    begun: Instant,
}

/// What became of a request; the status is 0 if there was no answer.
struct Outcome {
    due: Duration,
    sent: Duration,
    done: Duration,
    status: u16,
}

impl Load {
    /// Sends requests, one at a time, until there is none left.
    fn run(&self) -> Vec<Outcome> {
        let mut connections: Vec<Option<TcpStream>> = self.balancer.servers.iter().map(|_| None).collect();
        let mut outcomes = Vec::new();
        while let Some((number, due)) = self.take() {
            thread::sleep((self.begun + due).saturating_duration_since(Instant::now()));
            let sent = self.begun.elapsed();
            let index = self.balancer.begin(number);
            let request = &self.requests[number % self.requests.len()];
            let status = ask(&mut connections[index], self.balancer.servers[index], request).unwrap_or(0);
            self.balancer.end(index);
            outcomes.push(Outcome { due, sent, done: self.begun.elapsed(), status });
        }
        outcomes
    }

    /// The number and the time of the next request.
    fn take(&self) -> Option<(usize, Duration)> {
        let mut next = self.next.lock().unwrap();
        let due = self.schedule.due(*next, self.begun.elapsed())?;
        *next += 1;
        Some((*next - 1, due))
    }
}

/// Sends `request` on the kept connection, or on a new one if the server has closed that, and returns the answer's status.
fn ask(kept: &mut Option<TcpStream>, server: SocketAddr, request: &[u8]) -> io::Result<u16> {
    if let Some(mut connection) = kept.take() {
        match exchange(&mut connection, request) {
            Ok(status) => {
                *kept = Some(connection);
                return Ok(status);
            }
            // A read times out with one of these.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Err(error),
            Err(_) => {}
        }
    }
    let mut connection = TcpStream::connect(server)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    let status = exchange(&mut connection, request)?;
    *kept = Some(connection);
    Ok(status)
}

fn exchange(connection: &mut TcpStream, request: &[u8]) -> io::Result<u16> {
    connection.write_all(request)?;
    let message = receive(connection, &mut Vec::with_capacity(BUFFER))?;
    let status = message.get(9..12).and_then(|status| status.parse().ok());
    status.ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Reads a whole message and returns its head.
fn receive(connection: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<String> {
    let mut buffer = [0; BUFFER];
    let mut left = None;
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        // Once the body's length is known, only its bytes are counted.
        if let Some(left) = &mut left {
            *left -= count.min(*left);
        } else {
            read.extend_from_slice(&buffer[..count]);
            if let Some(end) = read.windows(END.len()).position(|bytes| bytes == END) {
                let body = read.split_off(end + END.len()).len();
                left = Some(length(read)?.saturating_sub(body));
            }
        }
        if left == Some(0) {
            return String::from_utf8(std::mem::take(read)).map_err(io::Error::other);
        }
    }
}

/// The length of the body, or 0 if the head has none.
fn length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(Ok(0), |(_, value)| value.trim().parse().map_err(io::Error::other))
}

/// The requests for the bodies of a folder.
fn requests(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let request = |file: &std::path::PathBuf| {
        let body = std::fs::read(file).unwrap();
        let kind =
            if file.extension().is_some_and(|ending| ending == "json") { "application/json" } else { "image/jpeg" };
        let (length, host) = (body.len(), "host: localhost");
        let head = format!(
            "POST /api/v1/analyze HTTP/1.1\r\n{host}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), &body].concat()
    };
    files.iter().map(request).collect()
}

/// Answers every request at once.
fn serve(port: u16) {
    for connection in TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap().incoming() {
        thread::spawn(move || {
            let mut connection = connection.unwrap();
            connection.set_nodelay(true).unwrap();
            let mut read = Vec::with_capacity(BUFFER);
            while receive(&mut connection, &mut read).is_ok() && connection.write_all(NOTHING).is_ok() {}
        });
    }
}

fn parsed<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn main() {
    // Cargo adds a flag of its own.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (ports, folder, connections, balance, schedule) = match arguments[..] {
        ["serve", port] => return serve(parsed(port)),
        ["open", ports, folder, connections, balance] => {
            let times = io::stdin().lines().map(|line| Duration::from_micros(parsed(&line.unwrap())));
            (ports, folder, connections, balance, Schedule::Open(times.collect()))
        }
        ["closed", ports, folder, connections, balance, seconds] => {
            (ports, folder, connections, balance, Schedule::Closed(Duration::from_secs(parsed(seconds))))
        }
        _ => panic!("latency open|closed|serve: see benches/latency.rs"),
    };
    let servers: Vec<_> = ports.split(',').map(|port| (Ipv4Addr::LOCALHOST, parsed(port)).into()).collect();
    let under_way = Mutex::new(vec![0; servers.len()]);
    let balancer = Balancer { servers, under_way, is_least: balance == "least" };
    let (requests, next) = (requests(Path::new(folder)), Mutex::new(0));
    let load = Load { balancer, requests, schedule, next, begun: Instant::now() + LEAD };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..parsed(connections)).map(|_: usize| scope.spawn(|| load.run())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut output = BufWriter::new(io::stdout().lock());
    for Outcome { due, sent, done, status } in outcomes {
        writeln!(output, "{} {} {} {status}", due.as_micros(), sent.as_micros(), done.as_micros()).unwrap();
    }
}
