//! Unix sockets.

use super::*;

/// Starts a server on a Unix socket and waits for the socket.
async fn start_on(path: &Path) -> Child {
    let mut command = executable();
    command.current_dir(crate::support::root()).args(["--listen-addr", &format!("unix:{}", path.display())]);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    eventually("the server listens", async || UnixStream::connect(path).is_ok()).await;
    child
}

#[tokio::test]
async fn a_unix_socket() {
    let path = folder("unix").join("glimpse.sock");
    let address = format!("unix:{}", path.display());
    assert!(!health(&address));
    let mut killed = start_on(&path).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(path.exists() && !health(&address));
    // The socket of a server that has exited is replaced.
    let mut server = start_on(&path).await;
    assert!(health(&address));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let mut connection = UnixStream::connect(&path).unwrap();
    connection.write_all(LAST_GET).unwrap();
    assert!(until_closed(&mut connection).starts_with(b"HTTP/1.1 200"));
    // The socket of a running server is not.
    let mut command = executable();
    command.current_dir(crate::support::root()).args(["--listen-addr", &address]);
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(errors.contains("another server listens on it") && errors.lines().count() == 1, "{errors}");
    assert!(health(&address));
    let sent = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(sent.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert!(!path.exists());
    // A file that is not a socket is not removed.
    std::fs::write(&path, "a file").unwrap();
    let refused = command.output().unwrap();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("not a socket"));
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
}

#[test]
fn metrics_on_a_unix_socket() {
    let path = folder("unix_metrics").join("metrics.sock");
    let mut process = start(&["--metrics-addr", &format!("unix:{}", path.display())]);
    process.ignore_log();
    let mut connection = UnixStream::connect(&path).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(String::from_utf8(until_closed(&mut connection)).unwrap().contains("glimpse_build_info"));
}
