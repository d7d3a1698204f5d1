//! The sockets that the server listens on.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::ListenAddr;
use crate::error::StartError;

/// Listens on `address`, which `variable` has set, and returns the address that it got.
///
/// # Errors
/// A sentence, where the address has no meaning or is taken.
pub async fn listen(address: &ListenAddr, variable: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let refuse = |error: std::io::Error| {
        StartError::new(format!("The server can't listen on {address}: {error}. Set {variable} to a free address."))
    };
    let addresses = address.to_listen_on().map_err(refuse)?;
    let listener = TcpListener::bind(&addresses[..]).await.map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    Ok((listener, bound))
}
