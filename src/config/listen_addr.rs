use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// Where to listen: a host, which may be left out, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    host: Option<String>,
    port: u16,
}

impl ListenAddr {
    /// The addresses to try to listen on, in this order.
    ///
    /// # Errors
    /// Where the host's name has no address.
    pub fn to_listen_on(&self) -> std::io::Result<Vec<SocketAddr>> {
        match &self.host {
            // IPv6's own "every address" takes IPv4 as well; a machine without IPv6 has only the other.
            None => Ok(vec![([0_u16; 8], self.port).into(), ([0_u8; 4], self.port).into()]),
            Some(host) => Ok((host.as_str(), self.port).to_socket_addrs()?.collect()),
        }
    }

    /// The addresses at which this machine itself reaches a server that listens here.
    ///
    /// # Errors
    /// Where the host's name has no address.
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
        let expected = || "LISTEN_ADDR is [HOST]:PORT, such as :8080, 127.0.0.1:8080 or [::]:8080".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let port = port.parse().map_err(|_| expected())?;
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.strip_suffix(']').ok_or_else(expected)?,
            None if host.contains([':', ']', '/']) => return Err(expected()),
            None => host,
        };
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl std::fmt::Display for ListenAddr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Some(host) if host.contains(':') => write!(formatter, "[{host}]:{}", self.port),
            host => write!(formatter, "{}:{}", host.as_deref().unwrap_or_default(), self.port),
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
        for text in ["", "8080", "localhost", ":", ":http", ":65536", "::1:80", "[::1:80", "http://localhost:80"] {
            assert!(text.parse::<ListenAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_to_ask_for_health() {
        let reached = |text: &str| text.parse::<ListenAddr>().unwrap().to_connect_to().unwrap()[0].to_string();
        assert_eq!(reached(":8080"), "[::1]:8080");
        assert_eq!(reached("0.0.0.0:81"), "127.0.0.1:81");
        assert_eq!(reached("192.0.2.1:82"), "192.0.2.1:82");
    }
}
