//! Keys, quotas, proxies, origins and empty variables, through the executable.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Process, executable, output, root, serving};
use clap::CommandFactory;
use glimpse::config::CommandLine;

/// The environment variables of all options.
fn variables() -> Vec<String> {
    let command = CommandLine::command();
    let names = command.get_arguments().filter_map(|option| option.get_env().and_then(OsStr::to_str));
    names.map(str::to_owned).collect()
}

/// The exit code and standard error of a command.
fn refused(command: &mut Command) -> (Option<i32>, String) {
    let (code, _, message) = output(command);
    (code, message)
}

/// The same for a start with this variable. Its port is taken, so that a server that accepts the value exits too.
fn refused_start(variable: &str, value: impl AsRef<OsStr>) -> (Option<i32>, String) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(executable().current_dir(root()).env("LISTEN_ADDR", address).env(variable, value))
}

/// Sends one request on a connection of its own and returns the whole answer.
fn ask(process: &Process, head: &[u8]) -> String {
    let mut connection = TcpStream::connect(process.address).unwrap();
    connection.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let rest = b"Host: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    connection.write_all(&[head, rest].concat()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// The status of an analysis with an empty body: 400 if the request is admitted.
fn analyze(process: &Process, headers: &[u8]) -> u16 {
    status(&ask(process, &[b"POST /api/v1/analyze HTTP/1.1\r\n", headers].concat()))
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_empty_variable_is_unset() {
    let variables = variables();
    assert!(variables.len() > 20 && variables.iter().any(|name| name == "LOG_LEVEL"), "{variables:?}");
    // `glimpse health` exits with 1, because nothing listens there, and with 2 if a value does not parse.
    for variable in variables.iter().filter(|name| *name != "API_KEYS") {
        let mut command = executable();
        let command = command.env(variable, "").args(["health"]);
        let command = if variable == "LISTEN_ADDR" { command } else { command.env("LISTEN_ADDR", "127.0.0.1:1") };
        let (code, message) = refused(command);
        assert!(code == Some(1) || (variable == "LISTEN_ADDR" && code == Some(0)), "{variable}: {message}");
    }
    // With all of them empty, the server starts with its defaults and logs at the level info.
    let mut command = serving();
    command.envs(variables.iter().filter(|name| *name != "API_KEYS").map(|name| (name, "")));
    let process = Process::start(command);
    assert_eq!(process.ready["level"], "INFO");
    assert_eq!(process.ready["keys"], 0);
    assert_eq!(status(&ask(&process, b"GET /metrics HTTP/1.1\r\n")), 200);
}

#[test]
fn a_flag_wins_over_an_empty_variable() {
    let mut command = executable();
    let (code, message) = refused(command.env("LISTEN_ADDR", "").args(["--listen-addr", "127.0.0.1:1", "health"]));
    assert!(code == Some(1) && message.contains("127.0.0.1:1"), "{message}");
}

#[test]
fn an_empty_list_of_keys_stops_the_start() {
    for keys in ["", " ", ",", " , "] {
        let (code, message) = refused_start("API_KEYS", keys);
        assert_eq!(code, Some(2), "{keys:?}: {message}");
        assert!(message.contains("API_KEYS") && message.contains("it holds no key"), "{keys:?}: {message}");
    }
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_keys.txt");
    std::fs::write(&path, "\n \n").unwrap();
    let (code, message) = refused_start("API_KEYS_FILE", &path);
    assert!(code == Some(1) && message.contains("it holds no key"), "{message}");
}

#[test]
fn wrong_keys_are_limited_and_right_ones_pass() {
    let mut command = serving();
    command.env("API_KEYS", "right, other");
    let process = Process::start(command);
    assert_eq!(process.ready["keys"], 2);
    let started = Instant::now();
    let answers: Vec<u16> = (0..100).map(|_| analyze(&process, b"X-API-Key: wrong\r\n")).collect();
    let refused = answers.iter().filter(|status| **status == 401).count();
    // The quota is a burst of ten and one more per second.
    let most = 11 + usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!((10..=most).contains(&refused), "{refused} of 100 after {:?}", started.elapsed());
    assert!(answers.iter().all(|status| matches!(status, 401 | 429)), "{answers:?}");
    assert_eq!(analyze(&process, b"Authorization: Bearer right\r\n"), 400);
    let answer = loop {
        let answer = ask(&process, b"POST /api/v1/analyze HTTP/1.1\r\nX-API-Key: wrong\r\n");
        if status(&answer) == 429 {
            break answer;
        }
    };
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert_eq!(analyze(&process, b""), 401);
}

/// The statuses of 20 requests with `headers`, and the time they took. Each request replaces N by another letter, from "a".
fn twenty(client_addr_header: &str, headers: &[u8]) -> (Vec<u16>, Duration) {
    let mut command = serving();
    let settings = [("RATE_LIMIT", "1"), ("TRUSTED_PROXIES", "127.0.0.1"), ("CLIENT_ADDR_HEADER", client_addr_header)];
    command.envs(settings);
    let mut process = Process::start(command);
    process.ignore_log();
    let started = Instant::now();
    let numbered = |number| headers.iter().map(move |byte| if *byte == b'N' { number } else { *byte });
    let statuses = (b'a'..b'a' + 20).map(|number| analyze(&process, &numbered(number).collect::<Vec<_>>())).collect();
    (statuses, started.elapsed())
}

#[test]
fn headers_other_than_the_configured_one_do_not_change_the_client_address() {
    // N is one letter: "a" to "f" give different addresses, later letters give no valid address.
    for (header, headers) in [
        ("", &b"Forwarded: for=\"[2001:db8:N::]\"\r\n"[..]),
        ("", b"Forwarded: for=\"[2001:db8:N::]\"\r\nX-Forwarded-For: \xffN, 192.0.2.1\r\n"),
        ("", b"X-Real-IP: 2001:db8:N::\r\nX-Forwarded-For: 2001:db8:N::, 192.0.2.1\r\n"),
        ("Forwarded", b"X-Forwarded-For: 2001:db8:N::\r\nForwarded: for=\"N, for=192.0.2.1\r\n"),
    ] {
        let (statuses, elapsed) = twenty(header, headers);
        let passed = statuses.iter().filter(|status| **status == 400).count();
        // The quota is one request and one more per second.
        let most = 2 + usize::try_from(elapsed.as_secs()).unwrap();
        assert!((1..=most).contains(&passed), "{header}: {statuses:?} in {elapsed:?}");
    }
}

#[test]
fn the_log_has_the_address_that_the_proxy_names() {
    let mut command = serving();
    command.env("TRUSTED_PROXIES", "127.0.0.1");
    let process = Process::start(command);
    for (headers, client) in [
        (&b"X-Forwarded-For: 192.0.2.1\r\n"[..], "192.0.2.1"),
        (b"X-Forwarded-For: \xff, 192.0.2.1\r\n", "192.0.2.1"),
        (b"X-Forwarded-For: unknown\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"),
        (b"Forwarded: for=unknown\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"),
        (b"Forwarded: for=6.6.6.6\r\n", "127.0.0.1"),
    ] {
        assert_eq!(status(&ask(&process, &[b"GET /health HTTP/1.1\r\n", headers].concat())), 200);
        let line = process.line();
        assert_eq!(line["remote_ip"], client, "{line}");
    }
}

/// The allowed origin in the answer to a request from `origin`.
fn allowed(process: &Process, origin: &str) -> Option<String> {
    let answer = ask(process, format!("GET /health HTTP/1.1\r\nOrigin: {origin}\r\n").as_bytes());
    answer.lines().find_map(|line| line.strip_prefix("access-control-allow-origin: ")).map(str::to_owned)
}

#[test]
fn origins() {
    for (origins, reason) in [
        ("https://*.example.org", "wildcard"),
        ("https://a.example,*", "wildcard"),
        ("https://example.org/page", "is not an origin"),
    ] {
        let (code, message) = refused_start("CORS_ALLOW_ORIGINS", origins);
        assert!(code == Some(2) && message.contains(reason), "{message}");
    }
    let none = Process::start(serving());
    assert_eq!(allowed(&none, "http://localhost:4321"), None);
    let mut command = serving();
    command.env("CORS_ALLOW_ORIGINS", "https://EXAMPLE.org:443/,http://localhost:4321");
    let some = Process::start(command);
    for origin in ["https://example.org", "http://localhost:4321"] {
        assert_eq!(allowed(&some, origin).as_deref(), Some(origin));
    }
    assert_eq!(allowed(&some, "https://example.com"), None);
}
