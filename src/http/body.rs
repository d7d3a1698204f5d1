//! The bodies of requests: the layer that limits every body, and the functions by which a route reads its own.

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::Body as _;

use super::App;
use super::problem::Problem;
use crate::engine::Coding;
use crate::error::{Error, Malformed};
use crate::guard::body::{self, LimitedBody, Receipt};

/// Enforces the limits on the body of every request, on every route.
pub(super) async fn limit(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let waits = waits(&request);
    let (mut parts, inner) = request.into_parts();
    let (limited, receipt) = LimitedBody::new(inner, app.body_limits, app.budget.account(), waits);
    parts.extensions.insert(receipt.clone());
    let mut response = next.run(Request::from_parts(parts, Body::new(limited))).await;
    // The client still holds the body back, and may send it or the next request: neither could be told from the other.
    if waits && !receipt.has_begun() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the client waits for a `100 Continue` before it sends the body. hyper sends one on HTTP/1.1 alone, and goes by
/// the last of several fields.
fn waits(request: &Request) -> bool {
    let expect = request.headers().get_all(EXPECT).iter().next_back();
    request.version() == Version::HTTP_11
        && expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
        && !request.body().is_end_stream()
}

/// A whole body, and how it is compressed.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) coding: Coding,
}

/// Reads the body of a request for an analysis. A server that is full refuses it before it is read.
///
/// # Errors
/// [`Problem::Coding`], [`Error::Busy`], and the errors of [`body::read`].
pub(super) async fn receive(app: &App, request: Request) -> Result<Received, Problem> {
    let coding = coding(request.headers())?;
    if app.engine.is_full() {
        return Err(Error::Busy.into());
    }
    let (parts, body) = request.into_parts();
    let Some(Receipt { account, .. }) = parts.extensions.get() else { return Err(Error::Internal.into()) };
    let bytes = body::read(body, account.clone()).await?;
    Ok(Received { bytes, coding })
}

/// The coding of a body (RFC 9110, section 8.4). Several fields are one list. A coding on top of another one is refused:
/// nobody needs it, and a bomb in a bomb is cheap to send.
fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    let mut found = Coding::Identity;
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().map_err(|_| Problem::Coding)?.split(',').map(str::trim) {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let next = match () {
                () if name.is_empty() || is("identity") => continue,
                () if is("gzip") || is("x-gzip") => Coding::Gzip,
                () if is("deflate") => Coding::Deflate,
                () => return Err(Problem::Coding),
            };
            if found != Coding::Identity {
                return Err(Problem::Coding);
            }
            found = next;
        }
    }
    Ok(found)
}

/// Refuses a body whose Content-Type is not JSON. A body without a Content-Type passes.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(essence) = essence(headers) else { return Ok(()) };
    let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if is_json { Ok(()) } else { Err(Problem::MediaType { expected: "application/json" }) }
}

/// Refuses a body whose Content-Type is not multipart/form-data (RFC 7578), and returns the boundary of its parts.
pub(super) fn require_form(headers: &HeaderMap) -> Result<String, Problem> {
    let expected = "multipart/form-data";
    if essence(headers).as_deref() != Some(expected) {
        return Err(Problem::MediaType { expected });
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    multer::parse_boundary(content_type).map_err(|_| Malformed::NotAForm.into())
}

/// The media type in Content-Type, in lower case and without parameters.
fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coding_of(values: &[&'static str]) -> Result<Coding, Problem> {
        coding(&values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn one_coding_is_read() {
        for (values, expected) in [
            (&[][..], Coding::Identity),
            (&[""], Coding::Identity),
            (&["identity"], Coding::Identity),
            (&["GZIP"], Coding::Gzip),
            (&[" x-gzip"], Coding::Gzip),
            (&["deflate"], Coding::Deflate),
            (&["identity", "gzip"], Coding::Gzip),
        ] {
            assert_eq!(coding_of(values), Ok(expected), "{values:?}");
        }
        for values in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"]] {
            assert_eq!(coding_of(values), Err(Problem::Coding), "{values:?}");
        }
    }
}
