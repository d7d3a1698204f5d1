use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen: a TCP port, or a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// `[HOST]:PORT`. Without a host: every address of this machine.
    Tcp {
        /// A name or an address, without brackets.
        host: Option<String>,
        /// 0 lets the system choose.
        port: u16,
    },
    /// `unix:PATH`.
    Unix(PathBuf),
}

/// Port 8080 of every address of this machine.
impl Default for ListenAddr {
    fn default() -> Self {
        Self::of_port(8080)
    }
}

impl ListenAddr {
    /// A port of every address of this machine.
    pub const fn of_port(port: u16) -> Self {
        Self::Tcp { host: None, port }
    }

    /// The TCP addresses to try to listen on, in this order. None for a Unix socket.
    ///
    /// # Errors
    /// If the host's name has no address.
    pub fn to_listen_on(&self) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            // The unspecified IPv6 address takes IPv4 as well. A machine without IPv6 has only the other.
            Self::Tcp { host: None, port } => Ok(vec![([0_u16; 8], *port).into(), ([0_u8; 4], *port).into()]),
            Self::Tcp { host: Some(host), port } => Ok((host.as_str(), *port).to_socket_addrs()?.collect()),
            Self::Unix(_) => Ok(Vec::new()),
        }
    }

    /// The TCP addresses at which this machine reaches a server that listens here. None for a Unix socket.
    ///
    /// # Errors
    /// If the host's name has no address.
    pub fn to_connect_to(&self) -> std::io::Result<Vec<SocketAddr>> {
        let reachable = |mut address: SocketAddr| {
            match address {
                SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip([127, 0, 0, 1].into()),
                SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip([0, 0, 0, 0, 0, 0, 0, 1].into()),
                _ => {}
            }
            address
        };
        Ok(self.to_listen_on()?.into_iter().map(reachable).collect())
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected [HOST]:PORT or unix:PATH, such as :8080, 127.0.0.1:8080, [::]:8080 or unix:/run/glimpse.sock"
                .to_owned()
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(expected()) } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let port = port.parse().map_err(|_| expected())?;
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.strip_suffix(']').ok_or_else(expected)?,
            None if host.contains([':', ']', '/']) => return Err(expected()),
            None => host,
        };
        Ok(Self::Tcp { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl std::fmt::Display for ListenAddr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host: Some(host), port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "{}:{port}", host.as_deref().unwrap_or_default()),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for (text, shown, first) in [
            (":8080", ":8080", "[::]:8080"),
            ("0.0.0.0:8080", "0.0.0.0:8080", "0.0.0.0:8080"),
            ("[::]:8080", "[::]:8080", "[::]:8080"),
            ("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80", "[::1]:80"),
        ] {
            let address: ListenAddr = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.to_listen_on().unwrap()[0].to_string(), first);
        }
        for text in
            ["", "8080", "localhost", ":", ":http", ":65536", "::1:80", "[::1:80", "http://localhost:80", "unix:"]
        {
            assert!(text.parse::<ListenAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn unix_sockets() {
        let address: ListenAddr = "unix:/run/a:b.sock".parse().unwrap();
        assert_eq!(address, ListenAddr::Unix("/run/a:b.sock".into()));
        assert_eq!(address.to_string(), "unix:/run/a:b.sock");
        assert_eq!(address.to_connect_to().unwrap(), []);
    }

    #[test]
    fn the_address_to_ask_for_health() {
        let reached = |text: &str| text.parse::<ListenAddr>().unwrap().to_connect_to().unwrap()[0].to_string();
        assert_eq!(reached(":8080"), "[::1]:8080");
        assert_eq!(reached("0.0.0.0:81"), "127.0.0.1:81");
        assert_eq!(reached("192.0.2.1:82"), "192.0.2.1:82");
    }
}
