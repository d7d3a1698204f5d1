//! `glimpse health`: asks a running server whether it is well.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::ListenAddr;
use crate::error::StartError;

/// The longest wait for a connection, and for the answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the server that listens on `address` on this machine.
///
/// # Errors
/// A sentence, where it does not answer with 200 in time.
pub fn health(address: &ListenAddr) -> Result<(), StartError> {
    let addresses = address.to_connect_to().unwrap_or_default();
    if addresses.iter().any(|address| is_well(address).unwrap_or(false)) {
        Ok(())
    } else {
        Err(StartError::new(format!("The server at {address} does not answer as it should.")))
    }
}

fn is_well(address: &SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect_timeout(address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; b"HTTP/1.1 200".len()];
    connection.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}
