//! The address of the client, behind the proxies that are trusted to tell it.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use crate::config::Networks;

/// The proxies that are trusted, and the one header in which they name the client.
///
/// A proxy replaces or appends to that header and passes on all others as its client wrote them, so that no
/// other header says anything about an address.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// The proxies.
    pub trusted: Networks,
    /// `Forwarded` (RFC 7239), or a header with an address or a list of them.
    pub header: HeaderName,
}

impl Proxies {
    /// The address of the client behind `peer`, which is `None` on a Unix socket. Returns `None` if the peer is on a Unix
    /// socket and names no client.
    ///
    /// Every proxy on the way adds the address of its own peer at the right end of the header. The walk goes
    /// from there to the left for as long as each address is that of a trusted proxy. The first that is not is
    /// the client's, and everything to the left of it is the client's own word, which is not even parsed. An
    /// element that holds no address ends the walk at the proxy that wrote it.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let (mut client, mut is_trusted) = match peer {
            Some(address) => self.judge(address),
            None => (None, self.trusted.unix),
        };
        let mut elements = self.elements(headers);
        while is_trusted && let Some(Some(address)) = elements.next() {
            (client, is_trusted) = self.judge(address);
        }
        client
    }

    /// An address in its IPv4 form if it has one, and whether it is a trusted proxy's.
    fn judge(&self, address: IpAddr) -> (Option<IpAddr>, bool) {
        let address = address.to_canonical();
        (Some(address), self.trusted.contain(address))
    }

    /// The addresses in the elements of the header, from right to left. Empty elements do not count (RFC 9110
    /// section 5.6.1.2).
    fn elements(&self, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
        let is_forwarded = self.header == FORWARDED;
        let values = headers.get_all(&self.header).iter().rev();
        let elements = values.flat_map(|value| FromTheRight { rest: Some(value.as_bytes()), separator: b',' });
        let elements = elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty());
        elements.map(move |element| if is_forwarded { forwarded_for(element) } else { address(element) })
    }
}

/// The address in an element of `Forwarded`: the value of its `for`, of which an element has no more than one.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let pairs = FromTheRight { rest: Some(element), separator: b';' };
    let mut nodes = pairs.filter_map(|pair| {
        let (name, node) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
        name.trim_ascii().eq_ignore_ascii_case(b"for").then_some(&node[1..])
    });
    let node = nodes.next()?.trim_ascii();
    let bare = node.strip_prefix(b"\"").and_then(|node| node.strip_suffix(b"\"")).unwrap_or(node);
    if nodes.next().is_some() { None } else { address(bare) }
}

/// An address as proxies write it: alone, or with a port; an IPv6 address also in brackets. The port may be a
/// name (RFC 7239 section 6.2).
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse().ok().filter(|_| is_whole).map(IpAddr::V6);
    }
    text.parse().ok().or_else(|| {
        let (address, port) = text.split_once(':')?;
        address.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4)
    })
}

/// The parts of a header's value between separators, from right to left. A separator in a quoted string (RFC
/// 9110 section 5.6.4) does not count.
///
/// The right end is a proxy's and is well formed, even if the proxy quotes what a client has sent. The left end
/// may be a client's: reading from there, a quotation mark that it never closes would hide what follows.
struct FromTheRight<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut is_quoted = false;
        for (at, byte) in rest.iter().enumerate().rev() {
            if *byte == b'"' && !is_escaped(&rest[..at]) {
                is_quoted = !is_quoted;
            } else if *byte == self.separator && !is_quoted {
                self.rest = Some(&rest[..at]);
                return Some(&rest[at + 1..]);
            }
        }
        self.rest = None;
        Some(rest)
    }
}

/// Whether the character after `text` is escaped: an odd number of backslashes stands before it.
fn is_escaped(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(trusted: &str, header: &str) -> Proxies {
        Proxies { trusted: trusted.parse().unwrap(), header: header.parse().unwrap() }
    }

    /// The client that `header` names in `headers` from `peer`. The trusted proxies are `10.0.0.0/8` and `::1`.
    fn found(peer: &str, header: &str, headers: &[(&'static str, &[u8])]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_bytes(value).unwrap());
        }
        let peer = Some(peer.parse().unwrap());
        proxies("10.0.0.0/8,::1", header).client(peer, &map).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let forged = [("x-forwarded-for", &b"1.2.3.4"[..])];
        assert_eq!(found("192.0.2.1", "x-forwarded-for", &forged), "192.0.2.1");
        assert_eq!(found("10.0.0.1", "x-forwarded-for", &forged), "1.2.3.4");
        assert_eq!(found("::ffff:10.0.0.1", "x-forwarded-for", &forged), "1.2.3.4");
        assert_eq!(found("::1", "x-forwarded-for", &forged), "1.2.3.4");
        assert_eq!(found("10.0.0.1", "x-forwarded-for", &[]), "10.0.0.1");
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let headers = [("forwarded", &b"for=6.6.6.6"[..]), ("x-forwarded-for", b"1.2.3.4"), ("x-real-ip", b"5.5.5.5")];
        assert_eq!(found("10.0.0.1", "x-forwarded-for", &headers), "1.2.3.4");
        assert_eq!(found("10.0.0.1", "Forwarded", &headers), "6.6.6.6");
        assert_eq!(found("10.0.0.1", "X-Real-IP", &headers), "5.5.5.5");
        assert_eq!(found("10.0.0.1", "CF-Connecting-IP", &headers), "10.0.0.1");
    }

    #[test]
    fn what_stands_to_the_left_of_the_client_is_its_own_word() {
        for value in [
            &b"6.6.6.6, 1.2.3.4, 10.0.0.9"[..],
            b"1.2.3.4",
            b"junk, 1.2.3.4,10.0.0.9",
            b"\xff, 1.2.3.4",
            b"unknown,1.2.3.4",
            b"\", 1.2.3.4",
            b"\\\", 1.2.3.4, , ",
            b"10.0.0.3, 1.2.3.4",
        ] {
            assert_eq!(found("10.0.0.1", "x-forwarded-for", &[("x-forwarded-for", value)]), "1.2.3.4", "{value:?}");
        }
        // A proxy may add a line instead of an element.
        for forged in [&b"6.6.6.6"[..], b"\xff", b"\""] {
            let lines = [("x-forwarded-for", forged), ("x-forwarded-for", b"1.2.3.4")];
            assert_eq!(found("10.0.0.1", "x-forwarded-for", &lines), "1.2.3.4", "{forged:?}");
        }
    }

    #[test]
    fn the_walk_ends_at_the_proxy_that_names_nobody() {
        for (value, client) in [
            (&b"1.2.3.4, unknown"[..], "10.0.0.1"),
            (b"1.2.3.4, \xff", "10.0.0.1"),
            (b"6.6.6.6, junk, 10.0.0.9", "10.0.0.9"),
            (b"10.0.0.2, 10.0.0.3", "10.0.0.2"),
            (b"", "10.0.0.1"),
            (b" , ", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", "x-forwarded-for", &[("x-forwarded-for", value)]), client, "{value:?}");
        }
    }

    #[test]
    fn addresses() {
        for (value, client) in [
            ("1.2.3.4:80", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("[2001:db8::1]80", "10.0.0.1"),
            ("[1.2.3.4]", "10.0.0.1"),
            ("1.2.3.4:80:80", "10.0.0.1"),
            ("01.2.3.4", "10.0.0.1"),
            ("1.2.3.4 5.6.7.8", "10.0.0.1"),
        ] {
            let headers = [("x-real-ip", value.as_bytes())];
            assert_eq!(found("10.0.0.1", "x-real-ip", &headers), client, "{value}");
        }
    }

    #[test]
    fn forwarded() {
        for (value, client) in [
            (&b"for=1.2.3.4"[..], "1.2.3.4"),
            (b"For=\"1.2.3.4:80\";proto=https", "1.2.3.4"),
            (b"for=\"1.2.3.4:_hidden\"", "1.2.3.4"),
            (b"proto=https;for=\"[2001:db8::1]:80\"", "2001:db8::1"),
            (b"for=\"[2001:db8::1]\", for=10.0.0.2;by=10.0.0.1", "2001:db8::1"),
            (b"for=unknown", "10.0.0.1"),
            (b"for=_hidden, for=10.0.0.2", "10.0.0.2"),
            (b"proto=https", "10.0.0.1"),
            (b"for=1.2.3.4;for=6.6.6.6", "10.0.0.1"),
            (b"", "10.0.0.1"),
            // A client that leaves a quotation mark open, or escapes one.
            (b"for=\", for=1.2.3.4", "1.2.3.4"),
            (b"for=\"\\, for=\"[2001:db8::1]\"", "2001:db8::1"),
            (b"for=\xff, for=1.2.3.4", "1.2.3.4"),
            // A client whose Host is quoted by the proxy.
            (b"for=1.2.3.4;host=\"a, for=6.6.6.6\"", "1.2.3.4"),
            (b"for=1.2.3.4;host=\"a;for=6.6.6.6\"", "1.2.3.4"),
            (b"for=1.2.3.4;host=\"\\\", for=6.6.6.6;\\\"\"", "1.2.3.4"),
            (b"for=1.2.3.4;host=\"\\\\\";proto=http", "1.2.3.4"),
        ] {
            assert_eq!(found("10.0.0.1", "forwarded", &[("forwarded", value)]), client, "{value:?}");
        }
    }

    #[test]
    fn peers_on_a_unix_socket() {
        let headers =
            HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), "1.2.3.4, 10.0.0.9".parse().unwrap())]);
        let client = |trusted| proxies(trusted, "x-forwarded-for").client(None, &headers);
        assert_eq!(client("10.0.0.0/8"), None);
        assert_eq!(client("unix"), Some([10, 0, 0, 9].into()));
        assert_eq!(client("unix,10.0.0.0/8"), Some([1, 2, 3, 4].into()));
        assert_eq!(proxies("unix", "x-forwarded-for").client(None, &HeaderMap::new()), None);
    }
}
