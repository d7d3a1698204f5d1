//! The end of connections: the backlog, a second signal, answers that are still being sent, slow readers.

use super::*;

#[test]
fn the_backlog_is_answered_at_the_end() {
    let process = start(&["--max-connections", "4"]);
    let mut idle: Vec<TcpStream> = (0..4).map(|_| connect(&process)).collect();
    for connection in &mut idle {
        assert!(get(connection).starts_with("HTTP/1.1 200"));
    }
    // Connections to a stopped process wait in the kernel's backlog.
    process.signal("STOP");
    let mut waiting: Vec<TcpStream> = (0..20).map(|_| connect(&process)).collect();
    for connection in &mut waiting {
        connection.write_all(GET).unwrap();
    }
    process.signal("TERM");
    process.signal("CONT");
    for connection in &mut waiting {
        let answer = String::from_utf8(until_closed(connection)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn a_second_signal_under_load_leaves_one_sentence() {
    let folder = folder("second_signal");
    let body = format!("{{\"base64Image\": \"{}\"}}", base64(&picture("coffee.jpg")));
    let head = format!("POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = [head.as_bytes(), body.as_bytes()].concat();
    for (run, pause) in [3, 5, 8, 13].into_iter().enumerate() {
        let errors = folder.join(run.to_string());
        let server = serving();
        let mut command = Command::new("/bin/sh");
        command.env_clear().current_dir(crate::support::root()).args(["-c", "exec 2>\"$0\" \"$@\""]).arg(&errors);
        command.arg(server.get_program()).args(server.get_args()).args(["--workers", "2"]);
        let mut process = Process::start(command);
        process.ignore_log();
        for _ in 0..4 {
            let (mut connection, request) = (connect(&process), request.clone());
            std::thread::spawn(move || {
                while connection.write_all(&request).is_ok() && connection.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
            });
        }
        // A request whose body does not come keeps the server from ending before the second signal.
        let mut unfinished = connect(&process);
        unfinished.write_all(&request[..request.len() / 2]).unwrap();
        sleep(SECOND / 2);
        process.signal("TERM");
        sleep(Duration::from_millis(pause));
        process.signal("INT");
        assert_eq!(process.ended().0, Some(1));
        let sentence = "glimpse: The server was told to end a second time: what it had not finished is cut off.\n";
        assert_eq!(std::fs::read_to_string(&errors).unwrap(), sentence);
    }
}

/// A copy of the site with a file larger than the socket buffers.
fn site(name: &str) -> (PathBuf, usize) {
    let site = folder(name);
    let copied = Command::new("cp").args(["-r", "web/dist/."]).arg(&site).current_dir(crate::support::root()).status();
    assert!(copied.unwrap().success());
    let length = 30_000_000;
    std::fs::write(site.join("large.bin"), vec![b'x'; length]).unwrap();
    (site, length)
}

#[test]
fn an_answer_that_is_still_being_sent_is_finished() {
    let (site, length) = site("site_sent");
    let mut process = start(&["--web-dir", site.to_str().unwrap()]);
    let mut connection = connect(&process);
    connection.write_all(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    connection.read_exact(&mut [0; 1000]).unwrap();
    process.signal("TERM");
    sleep(3 * SECOND);
    assert!(process.child.try_wait().unwrap().is_none(), "it has ended");
    assert!(until_closed(&mut connection).len() + 1000 > length);
    assert_eq!(process.ended().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_http2_that_is_still_being_sent_is_finished() {
    let (site, length) = site("site_http2");
    let process = start(&["--web-dir", site.to_str().unwrap()]);
    let socket = tokio::net::TcpStream::connect(process.address).await.unwrap();
    let (mut client, connection) = h2::client::handshake(socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(process.url("/large.bin")).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    process.signal("TERM");
    // The client reads nothing for longer than the keep-alive timeout.
    tokio::time::sleep(3 * SECOND).await;
    let mut received = 0;
    while let Some(data) = body.data().await {
        let data = data.expect("the answer was cut off");
        received += data.len();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(received, length);
    drop(client);
    // The client may still be writing a WINDOW_UPDATE when the server closes.
    let _ = connection.await.unwrap();
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn a_reader_that_does_not_read_is_cut_off_and_a_steady_one_is_not() {
    let (site, length) = site("site_slow");
    let flags = ["--web-dir", site.to_str().unwrap(), "--send-timeout", "2s", "--min-send-rate", "100000"];
    let process = start(&flags);
    let request = b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut steady = connect(&process);
    steady.write_all(request).unwrap();
    let mut stalled = connect(&process);
    stalled.write_all(request).unwrap();
    // An HTTP/2 client that leaves no flow-control window.
    let mut no_window = connect(&process);
    no_window.write_all(&[PREFACE, &http2_get(1, "/large.bin")].concat()).unwrap();
    // Slower than the machine can send, faster than the least rate.
    let mut received = 0;
    let mut part = vec![0; 1 << 20];
    while received < length / 2 {
        received += steady.read(&mut part).unwrap();
        sleep(SECOND / 10);
    }
    received += until_closed(&mut steady).len();
    assert!(received > length, "the steady reader was cut off");
    for _ in 0..2 {
        let line = process.line_of("the client reads its answer too slowly");
        assert_eq!(line["remote_ip"], "127.0.0.1");
    }
    assert!(until_closed(&mut stalled).len() < length);
}
