//! Idle connections: their timeout, their eviction, and their age.

use super::*;

#[test]
fn pings_do_not_keep_an_idle_http2_connection_open() {
    let process = start(&["--keep-alive-timeout", "2s"]);
    let mut connection = http2(&process);
    ping(&connection);
    let begun = Instant::now();
    assert!(has_goaway(&until_closed(&mut connection)), "closed without GOAWAY");
    assert!(begun.elapsed() > SECOND, "closed early");
}

#[test]
fn the_longest_idle_connection_makes_room_and_one_in_use_does_not() {
    let process = start(&["--max-connections", "4"]);
    let mut busy = connect(&process);
    let head = "POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{";
    busy.write_all(head.as_bytes()).unwrap();
    let mut pinging = http2(&process);
    ping(&pinging);
    let mut silent = connect(&process);
    let mut kept = connect(&process);
    assert!(get(&mut kept).starts_with("HTTP/1.1 200"));
    let address = process.address.to_string();
    assert!(health(&address) && health(&address), "no room");
    let mut later: Vec<TcpStream> = (0..3).map(|_| connect(&process)).collect();
    for connection in &mut later {
        assert!(get(connection).starts_with("HTTP/1.1 200"));
    }
    assert!(has_goaway(&until_closed(&mut pinging)));
    assert_eq!(until_closed(&mut silent), b"");
    assert_eq!(until_closed(&mut kept), b"");
    busy.write_all(b"}").unwrap();
    assert!(until_closed(&mut busy).starts_with(b"HTTP/1.1 400"), "the one in use was closed");
    process.signal("TERM");
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn connections_in_use_are_not_evicted_and_the_next_waits() {
    let process = start(&["--max-connections", "2"]);
    let head = b"POST /api/v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{";
    let mut busy: Vec<TcpStream> = (0..2).map(|_| connect(&process)).collect();
    for connection in &mut busy {
        connection.write_all(head).unwrap();
    }
    sleep(SECOND);
    let mut waiting = connect(&process);
    waiting.write_all(LAST_GET).unwrap();
    waiting.set_read_timeout(Some(SECOND)).unwrap();
    assert_eq!(waiting.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    busy[1].write_all(b"}").unwrap();
    let mut answer = [0; 12];
    busy[1].read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    // The used connection is now idle.
    waiting.set_read_timeout(Some(LONG)).unwrap();
    assert!(until_closed(&mut waiting).starts_with(b"HTTP/1.1 200"));
}

#[test]
fn a_connection_opened_early_is_kept_and_a_head_that_has_begun_is_timed() {
    let process = start(&["--header-timeout", "1s", "--keep-alive-timeout", "10s"]);
    let mut early = connect(&process);
    let mut begun = connect(&process);
    begun.write_all(b"GET /li").unwrap();
    assert_eq!(until_closed(&mut begun), b"");
    sleep(SECOND);
    assert!(get(&mut early).starts_with("HTTP/1.1 200"));
}

#[test]
fn an_old_connection_is_closed_after_its_request() {
    let process = start(&["--max-connection-age", "2s"]);
    let mut old = connect(&process);
    let mut old_http2 = http2(&process);
    let mut idle = connect(&process);
    let begun = Instant::now();
    while !get(&mut old).contains("connection: close") {
        assert!(begun.elapsed() < LONG, "it is kept for ever");
        sleep(SECOND / 10);
    }
    assert!(begun.elapsed() > SECOND, "closed early");
    assert_eq!(until_closed(&mut old), b"");
    assert!(has_goaway(&until_closed(&mut old_http2)));
    assert_eq!(until_closed(&mut idle), b"");
    process.signal("TERM");
    assert_eq!(process.ended().0, Some(0));
}
