//! Which client it is: the other end of the connection, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;

use crate::config::Networks;

/// The last address in the chain that no trusted proxy has: whatever stands before it a client may have
/// made up.
pub(crate) fn behind(remote: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.0.iter().any(|network| network.contains(address));
    let mut client = remote;
    for named in chain(headers).into_iter().rev() {
        if !is_trusted(&client) {
            break;
        }
        // A proxy that names nobody is as far as can be seen.
        let Some(address) = named else { break };
        client = address;
    }
    client
}

/// The addresses that proxies have added, in order: `Forwarded` (RFC 7239), else `X-Forwarded-For`.
fn chain(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let parts = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect()
    };
    if headers.contains_key(FORWARDED) {
        let node = |element: String| {
            let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
            let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
            address(node)
        };
        return parts("forwarded").into_iter().map(node).collect();
    }
    parts("x-forwarded-for").into_iter().map(|part| address(&part)).collect()
}

/// An address as proxies write it: alone, in quotes, in brackets, with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(remote: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted = "10.0.0.0/8,::1".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        behind(remote.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let forged = [("x-forwarded-for", "1.2.3.4")];
        assert_eq!(found("192.0.2.1", &forged), "192.0.2.1");
        assert_eq!(found("10.0.0.1", &forged), "1.2.3.4");
        assert_eq!(found("::1", &forged), "1.2.3.4");
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_stands_before_the_clients_address_is_its_own_word() {
        for header in ["6.6.6.6, 1.2.3.4, 10.0.0.9", "1.2.3.4", "junk, 1.2.3.4,10.0.0.9"] {
            assert_eq!(found("10.0.0.1", &[("x-forwarded-for", header)]), "1.2.3.4", "{header}");
        }
        assert_eq!(found("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")]), "1.2.3.4");
        assert_eq!(found("10.0.0.1", &[("x-forwarded-for", "1.2.3.4, junk")]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[("x-forwarded-for", "10.0.0.2, 10.0.0.3")]), "10.0.0.2");
    }

    #[test]
    fn every_way_to_write_it() {
        for (header, client) in [
            ("for=1.2.3.4", "1.2.3.4"),
            ("For=\"1.2.3.4:80\";proto=https", "1.2.3.4"),
            ("proto=https;for=\"[2001:db8::1]:80\"", "2001:db8::1"),
            ("for=\"[2001:db8::1]\", for=10.0.0.2;by=10.0.0.1", "2001:db8::1"),
            ("for=unknown", "10.0.0.1"),
            ("for=_hidden, for=10.0.0.2", "10.0.0.2"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", &[("forwarded", header)]), client, "{header}");
        }
        assert_eq!(found("10.0.0.1", &[("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "6.6.6.6")]), "1.2.3.4");
        assert_eq!(found("10.0.0.1", &[("x-forwarded-for", "::ffff:1.2.3.4")]), "1.2.3.4");
    }
}
