//! Who is at the other end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The other end of a connection, in the extensions of each of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The remote address of a TCP connection.
    Ip(SocketAddr),
    /// A process on this machine, over a Unix socket. It has no address.
    Unix,
}

impl Peer {
    /// The address, an IPv4 address mapped to IPv6 as IPv4. `None` on a Unix socket.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip().to_canonical()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(formatter, "{}", address.ip().to_canonical()),
            Self::Unix => formatter.write_str("unix"),
        }
    }
}
