//! The bodies of requests: the layer that limits every body, and the functions by which a route reads its own.

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;

use super::App;
use super::problem::Problem;
use crate::engine::Coding;
use crate::error::{Error, Malformed};
use crate::guard::body::{self, LimitedBody, Receipt};

/// Enforces the limits on the body of every request, on every route.
pub(super) async fn limit(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let version = request.version();
    let waits = request.headers().contains_key(EXPECT);
    let (mut parts, inner) = request.into_parts();
    let (limited, receipt) = LimitedBody::new(inner, app.body_limits, app.budget.account(), waits);
    parts.extensions.insert(receipt.clone());
    let mut response = next.run(Request::from_parts(parts, Body::new(limited))).await;
    // The client may send the body or the next request, and the two could not be told apart.
    if waits && !receipt.has_begun() && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A whole body, and its content coding.
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

/// The content coding (RFC 9110, section 8.4). Several codings, in one field or in several, are not supported.
fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Coding::Identity) };
    if values.next().is_some() {
        return Err(Problem::Coding);
    }
    let name = value.to_str().unwrap_or_default().trim();
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match () {
        () if name.is_empty() && value.is_empty() || is("identity") => Ok(Coding::Identity),
        () if is("gzip") || is("x-gzip") => Ok(Coding::Gzip),
        () if is("deflate") => Ok(Coding::Deflate),
        () => Err(Problem::Coding),
    }
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
        ] {
            assert_eq!(coding_of(values), Ok(expected), "{values:?}");
        }
        for values in [&["br"][..], &["gzip, gzip"], &["identity", "gzip"], &["gzip", "gzip"]] {
            assert_eq!(coding_of(values), Err(Problem::Coding), "{values:?}");
        }
    }
}
