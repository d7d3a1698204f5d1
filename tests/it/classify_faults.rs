//! `glimpse classify` when things go wrong: signals, busy servers, pipes that nobody writes or reads, very many files.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::classify::{classify, folder, run, text};
use crate::support::onnx::quarters;

/// The numbers of the signals (signal(7)).
const INT: u32 = 2;
const TERM: u32 = 15;

/// A server that is busy once and says when to come again, and then has the answer.
fn busy_once(listener: &std::net::TcpListener, retry_after: &str) {
    let answer = |status: &str, more: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\n{more}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let busy = answer("503 Service Unavailable", &format!("Retry-After: {retry_after}\r\n"), r#"{"message":"busy"}"#);
    let answers = [
        answer("200 OK", "", r#"{"labels":2,"limits":{"bodyBytes":1000000}}"#),
        busy,
        answer(
            "200 OK",
            "",
            r#"[{"label":"a\u001bb","confidence":1},{"label":"c","confidence":0},{"label":"d","confidence":0}]"#,
        ),
    ];
    for answer in answers {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = vec![0; 1 << 20];
        let (mut read, mut end) = (0, None);
        // The head, and as much as it announces.
        while end.is_none_or(|end| read < end) {
            read += connection.read(&mut request[read..]).unwrap();
            let head = request[..read].windows(4).position(|it| it == b"\r\n\r\n").map(|at| at + 4);
            end = head.map(|head| {
                let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
                let length = text.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
                head + length.map_or(0, |length| length.trim().parse().unwrap())
            });
        }
        connection.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    for (retry_after, least) in [("2", 2.0), ("0", 0.2)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = spawn(move || busy_once(&listener, retry_after));
        let begun = Instant::now();
        let (code, lines, errors) = run(&["--server", &url, "tests/pictures/coffee.jpg"]);
        assert_eq!((code, errors.as_str()), (0, ""));
        assert!(begun.elapsed().as_secs_f64() >= least, "{:?}", begun.elapsed());
        // It has two labels, and none that a terminal obeys.
        assert!(lines[0].contains("a\\u{1b}b") && !lines[0].contains(" d "), "{lines:?}");
        server.join().unwrap();
    }
}

/// Sends the signal of this number to a process, once it has a handler for it and some time to get stuck.
fn interrupt(pid: u32, signal: u32) {
    // proc(5): bit N - 1 is set if signal N is caught. Other systems do not tell.
    let is_caught = |status: String| {
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
    };
    let begun = Instant::now();
    while fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| !is_caught(status)) {
        assert!(begun.elapsed() < Duration::from_mins(1), "the process has no handler for signal {signal}");
        sleep(Duration::from_millis(10));
    }
    sleep(Duration::from_secs(2));
    assert!(Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().unwrap().success());
}

/// Sends the signal to a command that is stuck, and expects that it ends with `code`.
fn interrupted(mut child: std::process::Child, signal: u32, code: i32) {
    // `wait` closes it, which could end the command first.
    let _stdin = child.stdin.take();
    interrupt(child.id(), signal);
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(code));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_signal_ends_what_is_stuck() {
    let stuck = |arguments: &[&str]| {
        let mut command = classify(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    // A picture and a list that do not come, an output that nobody reads.
    interrupted(stuck(&["-"]), INT, 130);
    interrupted(stuck(&["--files-from", "-"]), TERM, 143);
    let list = folder("classify-stuck", &[("list", "tests/pictures/coffee.jpg\n".repeat(3000).as_bytes())]);
    interrupted(stuck(&["-f", "ndjson", "-k", "1000", "--files-from", text(&list.join("list"))]), INT, 130);
}

/// Each is answered before the next one is named.
#[test]
fn an_answer_does_not_wait_for_the_next_name() {
    let mut command = classify(&["-f", "ndjson", "--files-from", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut list = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["tests/pictures/coffee.jpg", "tests/pictures/chelsea.png"] {
        writeln!(list, "{name}").unwrap();
        assert!(answers.next().unwrap().unwrap().contains(name));
    }
    drop(list);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ctrl_c_ends_with_what_was_done() {
    let folder = folder("classify-interrupt", &[("list", "tests/pictures/chelsea.png\n".repeat(5000).as_bytes())]);
    let list = folder.join("list");
    let mut command = classify(&["-f", "ndjson", "--files-from", text(&list)]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut out) = (BufReader::new(child.stdout.take().unwrap()), String::new());
    stdout.read_line(&mut out).unwrap();
    interrupt(child.id(), INT);
    stdout.read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(out.ends_with('\n') && out.lines().count() < 5000, "{} lines", out.lines().count());
    for line in out.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// Files in one folder, as few bytes and as little work as a picture can be.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_folder() {
    const FILES: usize = 100_000;
    // The names: some forty bytes each.
    const GROWTH: u64 = 10 << 20;
    let folder = folder("classify-many", &[("model.onnx", &quarters())]);
    let mut file = Vec::new();
    image::RgbImage::new(2, 2).write_to(&mut std::io::Cursor::new(&mut file), image::ImageFormat::Bmp).unwrap();
    let pictures = folder.join("pictures");
    fs::create_dir_all(&pictures).unwrap();
    let mut of = PathBuf::new();
    for number in 0..FILES {
        let path = pictures.join(format!("{number:06}.bmp"));
        // A file system may allow no more than 65,000 links to a file.
        if number % 50_000 == 0 {
            fs::write(&path, &file).unwrap();
            of = path;
        } else {
            fs::hard_link(&of, &path).unwrap();
        }
    }
    let few = folder.join("few");
    fs::create_dir_all(&few).unwrap();
    for number in 0..1000 {
        fs::hard_link(&of, few.join(format!("{number}.bmp"))).unwrap();
    }
    let (little, much) = (peak(&folder, &few, 1000), peak(&folder, &pictures, FILES));
    assert!(little > 0 && much <= little + GROWTH, "{little} bytes for 1,000 files, {much} for {FILES}");
    fs::remove_dir_all(&folder).unwrap();
}

/// The most resident memory near the end of a run on `count` pictures.
#[cfg(target_os = "linux")]
fn peak(folder: &Path, pictures: &Path, count: usize) -> u64 {
    let model = folder.join("model.onnx");
    let mut command = classify(&["-f", "ndjson", "--model", text(&model), text(pictures)]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut peak, mut lines_read) = (0, 0);
    for _ in lines {
        lines_read += 1;
        if lines_read == count / 2 {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
            peak = line.split_whitespace().next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * 1024;
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(lines_read, count);
    peak
}
