//! The Host field of HTTP/1 requests (RFC 9112, section 3.2).

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Answers 400 if an HTTP/1.1 request has no Host, or an HTTP/1 request has several or a malformed one. A proxy in front
/// may otherwise take the request for one to another host than this server does.
///
/// HTTP/2 has `:authority`, which the HTTP library checks.
pub(super) async fn require_host(request: Request, next: Next) -> Response {
    if is_valid(request.version(), request.headers()) { next.run(request).await } else { Problem::Host.into_response() }
}

fn is_valid(version: Version, headers: &HeaderMap) -> bool {
    if version > Version::HTTP_11 {
        return true;
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        _ => false,
    }
}

/// Whether a text is `uri-host [ ":" port ]`, or nothing, which a client sends for a URI without an authority.
fn is_host(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let Some(port) = text.strip_prefix(authority.host()) else { return false };
    // The port may be empty (RFC 3986, section 3.2.3).
    let is_port = port.strip_prefix(':').is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.is_empty() || digits.parse::<u16>().is_ok())
    });
    !authority.host().is_empty() && (port.is_empty() || is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in
            ["", "x", "example.org", "example.org:80", "example.org:", "127.0.0.1:8080", "[::1]", "[::1]:8080", "a_b"]
        {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "a b", "a/b", "http://a", "user@a", "a:b", "a:99999", "a:1:2", ":80", "[::1", "::1", "%41", "a?b", "a#b",
            "a\\b", "<a>",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn how_many_hosts_there_must_be() {
        let with = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, host.parse().unwrap());
            }
            headers
        };
        for (version, hosts, valid) in [
            (Version::HTTP_11, &["x"][..], true),
            (Version::HTTP_11, &[], false),
            (Version::HTTP_11, &["x", "x"], false),
            (Version::HTTP_11, &["a b"], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &["x", "y"], false),
            (Version::HTTP_2, &[], true),
        ] {
            assert_eq!(is_valid(version, &with(hosts)), valid, "{version:?} {hosts:?}");
        }
    }
}
