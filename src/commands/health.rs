//! `glimpse health`: sends `GET /health` to a running server. Containers run it as their health check.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::config::ListenAddr;
use crate::error::StartError;

/// The longest wait for the answer of one address.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Checks the server that listens on `address` on this machine.
///
/// # Errors
/// A sentence if no address answers 200 within three seconds.
pub fn health(address: &ListenAddr) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format!("The system refuses what a connection needs: {error}.")))?;
    if runtime.block_on(is_well(address)) {
        Ok(())
    } else {
        Err(StartError::new(format!("The server at {address} does not answer as it should.")))
    }
}

async fn is_well(address: &ListenAddr) -> bool {
    if let ListenAddr::Unix(path) = address {
        // A Unix socket has no host.
        let asked = async { ask(UnixStream::connect(path).await?, "localhost").await };
        return timeout(TIMEOUT, asked).await.is_ok_and(|answer| answer.unwrap_or(false));
    }
    for address in address.to_connect_to().unwrap_or_default() {
        let asked = async { ask(TcpStream::connect(address).await?, &address.to_string()).await };
        if timeout(TIMEOUT, asked).await.is_ok_and(|answer| answer.unwrap_or(false)) {
            return true;
        }
    }
    false
}

async fn ask(mut connection: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> io::Result<bool> {
    let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut status = [0; b"HTTP/1.1 200".len()];
    connection.read_exact(&mut status).await?;
    Ok(&status == b"HTTP/1.1 200")
}
