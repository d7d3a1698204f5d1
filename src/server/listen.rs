//! The sockets that the server listens on.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixSocket, UnixStream};

use crate::config::ListenAddr;
use crate::error::StartError;

/// Connections that the system queues until they are accepted. The same as tokio's for TCP.
pub(super) const BACKLOG: u32 = 1024;

/// The mode of a Unix socket: its owner and its group may connect.
const MODE: u32 = 0o660;

/// A socket that clients connect to.
#[derive(Debug)]
pub enum Listener {
    /// On an address.
    Tcp(TcpListener),
    /// On a path, whose file is removed when the second value is dropped.
    Unix(UnixListener, SocketFile),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// A connection that has been accepted.
pub(super) enum Socket {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(socket, remote)| Socket::Tcp(socket, remote)),
            Self::Unix(listener, _) => listener.accept().await.map(|(socket, _)| Socket::Unix(socket)),
        }
    }

    /// The connections that the system has queued. tokio learns of them late, the system itself tells at once.
    pub(super) fn into_backlog(self) -> io::Result<Backlog> {
        Ok(match self {
            Self::Tcp(listener) => Backlog::Tcp(listener.into_std()?),
            Self::Unix(listener, file) => Backlog::Unix(listener.into_std()?, file),
        })
    }
}

/// The queue of a listener, without waiting.
#[derive(Debug)]
pub(super) enum Backlog {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, #[expect(dead_code, reason = "removed when it is dropped")] SocketFile),
}

impl Backlog {
    /// The next connection.
    ///
    /// # Errors
    /// `WouldBlock` if the queue is empty, and what `accept` returns.
    pub(super) fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (socket, remote) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Tcp(TcpStream::from_std(socket)?, remote))
            }
            Self::Unix(listener, _) => {
                let (socket, _) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Unix(UnixStream::from_std(socket)?))
            }
        }
    }
}

/// Listens on `address`, which `variable` has set. Returns the listener, and its address as the log shows it: the
/// system chooses a port for port 0.
///
/// # Errors
/// If the address has no meaning or is taken.
pub async fn listen(address: &ListenAddr, variable: &str) -> Result<(Listener, String), StartError> {
    let refuse = |error: io::Error| {
        StartError::new(format!("The server can't listen on {address}: {error}. Set {variable} to a free address."))
    };
    if let ListenAddr::Unix(path) = address {
        let listener = listen_on_path(path).map_err(refuse)?;
        return Ok((listener, address.to_string()));
    }
    let addresses = address.to_listen_on().map_err(refuse)?;
    let listener = TcpListener::bind(&addresses[..]).await.map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    Ok((listener.into(), bound.to_string()))
}

fn listen_on_path(path: &Path) -> io::Result<Listener> {
    remove_stale(path)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile::new(path)?;
    // Nobody can connect before `listen`.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
    Ok(Listener::Unix(socket.listen(BACKLOG)?, file))
}

/// Removes a socket on which nobody listens any more, such as that of a server that was killed.
fn remove_stale(path: &Path) -> io::Result<()> {
    let refuse = |reason: &dyn Display| Err(io::Error::new(io::ErrorKind::AddrInUse, reason.to_string()));
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => return refuse(&"the file is not a socket"),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => refuse(&"another server listens on it"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The file of a Unix socket; removed when this is dropped, unless another file has its place by then.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // A file that stays is replaced at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}
