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
use crate::engine::{Coding, Payload, boundary, inflate};
use crate::error::{Error, Malformed};
use crate::guard::body::{self, LimitedBody, Receipt};
use crate::guard::{Account, Document, StreamBody};
use crate::image::Format;
use crate::server::lifecycle::Phase;
use crate::stop::Stop;

/// Enforces the limits on the body of every request, on every route.
pub(super) async fn limit(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    if crate::grpc::is_stream(&request) {
        let account = app.budget.account();
        let mut request = request.map(|inner| Body::new(stream(&app, inner, account.clone())));
        request.extensions_mut().insert(account);
        return next.run(request).await;
    }
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

/// The body of a stream of messages, which may be idle as long as a connection.
fn stream(app: &App, inner: Body, account: Account) -> StreamBody<Body> {
    let lifecycle = app.lifecycle.clone();
    let ending = Box::pin(async move { lifecycle.reached(Phase::Draining).await });
    StreamBody::new(inner, app.body_limits, app.idle_timeout, account, ending)
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
    /// What the body has taken from the budget.
    account: Account,
}

impl Received {
    /// The body inflated, at most `limit` bytes. Call on a compute thread.
    ///
    /// # Errors
    /// As [`Payload::open`]; [`Error::Busy`] if the budget has no room for it.
    pub(super) fn inflated(self, limit: usize, stop: &Stop) -> Result<Document, Error> {
        let Self { bytes, coding, account } = self;
        if coding == Coding::Identity {
            return Ok(Document::new(bytes, account));
        }
        let mut buffer = Vec::new();
        inflate(&bytes, coding, limit, stop, &mut buffer)?;
        account.charge(buffer.len(), buffer.len()).map_err(|_| Error::Busy)?;
        Ok(Document::new(body::charged(buffer, &account), account))
    }
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
    Ok(Received { bytes, coding, account: account.clone() })
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

/// What a body holds, by its Content-Type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A JSON document.
    Json,
    /// A picture file; its format, where the type names one that bytes can't tell.
    File(Option<Format>),
    /// A form (multipart/form-data, RFC 7578) with this boundary.
    Form(String),
    /// A JSON document or a picture file: there is no type, or the one that `curl --data-binary` sends for anything.
    Unstated,
}

impl Content {
    /// The content that the headers state.
    ///
    /// # Errors
    /// [`Problem::MediaType`] for any other type; [`Malformed::NotAForm`] for a form without a boundary.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(essence) = essence(headers) else { return Ok(Self::Unstated) };
        match essence.split_once('/').unwrap_or_default() {
            ("application", "x-www-form-urlencoded") => Ok(Self::Unstated),
            // The second is SageMaker's.
            ("application", "octet-stream" | "x-image") => Ok(Self::File(None)),
            ("application", kind) if kind == "json" || kind.ends_with("+json") => Ok(Self::Json),
            ("image", _) => Ok(Self::File(Format::named(&essence))),
            ("multipart", "form-data") => require_form(headers).map(Self::Form),
            _ => Err(Problem::MediaType { expected: PICTURE_TYPES }),
        }
    }

    /// The picture in a body of this content; a JSON document has it in `field`.
    pub(super) fn picture(self, bytes: Bytes, field: &'static str) -> Payload {
        match self {
            Self::Json => Payload::field(bytes, field),
            Self::File(named) => Payload::file(bytes).named(named),
            Self::Form(boundary) => Payload::part(bytes, boundary),
            Self::Unstated => Payload::file_or_field(bytes, field),
        }
    }
}

/// The types of [`Content`], for people.
pub(super) const PICTURE_TYPES: &str = "application/json, multipart/form-data, application/octet-stream or image/*";

/// Refuses a body whose Content-Type is not multipart/form-data (RFC 7578), and returns the boundary of its parts.
pub(super) fn require_form(headers: &HeaderMap) -> Result<String, Problem> {
    let expected = "multipart/form-data";
    if essence(headers).as_deref() != Some(expected) {
        return Err(Problem::MediaType { expected });
    }
    let boundary = headers.get(CONTENT_TYPE).and_then(|value| boundary(value.as_bytes()));
    boundary.ok_or_else(|| Malformed::NotAForm.into())
}

/// The media type in Content-Type, in lower case and without parameters.
fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_says_what_a_body_holds() {
        let content = |value| Content::of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]));
        assert_eq!(Content::of(&HeaderMap::new()), Ok(Content::Unstated));
        for (value, expected) in [
            ("application/json", Content::Json),
            ("Application/Vnd.API+JSON; charset=utf-8", Content::Json),
            ("image/jpeg", Content::File(None)),
            ("IMAGE/X-TGA", Content::File(Some(Format::Tga))),
            ("application/octet-stream", Content::File(None)),
            ("application/x-www-form-urlencoded", Content::Unstated),
            ("multipart/form-data; boundary=x", Content::Form("x".into())),
        ] {
            assert_eq!(content(value), Ok(expected), "{value}");
        }
        assert_eq!(content("multipart/form-data"), Err(Malformed::NotAForm.into()));
        for value in ["text/plain", "json", "", "multipart/mixed; boundary=x", "text/json", "video/mp4"] {
            assert_eq!(content(value), Err(Problem::MediaType { expected: PICTURE_TYPES }), "{value}");
        }
    }

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
