//! The body of a request on its way to tonic: the size that each message states of itself is checked before it is read, a
//! compressed message is inflated on a compute thread, and the errors of the body keep their codes.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Code, Status};

use super::inflate::Compressed;
use super::render::{is_analysis, is_stream, is_web};
use super::request;
use super::status::refuse;
use crate::error::Error;
use crate::guard::body::cause;
use crate::guard::{BodyError, Frames};
use crate::http::{App, Problem};
use crate::memory;

/// The largest message of a method that takes no pictures, in bytes.
const SMALL: usize = 64 << 10;

/// Messages from this size on are large, in bytes: tonic allocates them whole, and aborts where it is refused the memory.
const LARGE: usize = 1 << 20;

/// The name of the only compression, and the header that has it.
const GZIP: &[u8] = b"gzip";
const ENCODING: &str = "grpc-encoding";

/// The error of a body of gRPC-web. tonic-web passes on its words alone, in a status of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Arc<OnceLock<BodyError>>);

impl Kept {
    /// The error of a body, whose reader has this one.
    pub(super) fn cause(&self, error: &axum::Error) -> BodyError {
        self.0.get().copied().unwrap_or_else(|| cause(error))
    }
}

/// Keeps the error of a body of gRPC-web for [`check`].
pub(super) async fn keep_error(mut request: Request, next: Next) -> Response {
    if !is_web(&request) {
        return next.run(request).await;
    }
    let kept = Kept::default();
    request.extensions_mut().insert(kept.clone());
    let keep = move |error: &axum::Error| {
        let _ = kept.0.set(cause(error));
    };
    // Its trailers are in the data.
    next.run(request.map(|body| Body::from_stream(body.into_data_stream().inspect_err(keep)))).await
}

/// Puts the check round the body of a request.
pub(super) async fn check(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let (is_one, is_large) = (!is_stream(&request), is_analysis(request.uri().path()) || is_stream(&request));
    let limit = if is_large { app.body_limits.max_bytes } else { SMALL };
    let is_compressed = request.headers().get(ENCODING).is_some_and(|value| value.as_bytes() == GZIP);
    let request = if is_compressed { inflated(app, request, limit, is_one) } else { Ok(request) };
    match request {
        Ok(request) => {
            let kept = request.extensions().get().cloned().unwrap_or_default();
            let checked =
                |body| Body::new(Checked { body, frames: Frames::default(), limit, is_one, messages: 0, kept });
            next.run(request.map(checked)).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// The request with its messages inflated.
///
/// # Errors
/// [`Error::Internal`] where the layers have not opened an account.
fn inflated(app: App, request: Request, limit: usize, is_one: bool) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let account = request::account(&parts.extensions).ok_or(Error::Internal)?.clone();
    parts.headers.remove(ENCODING);
    let kept = parts.extensions.get::<Kept>().cloned().unwrap_or_default();
    Ok(Request::from_parts(parts, Compressed { app, body, account, limit, is_one, kept }.inflated()))
}

struct Checked {
    body: Body,
    frames: Frames,
    limit: usize,
    /// The method takes one message.
    is_one: bool,
    messages: usize,
    kept: Kept,
}

impl Checked {
    fn check(&mut self, data: &Bytes) -> Result<(), Status> {
        let (brought, limit) = (self.frames.read(data), self.limit);
        let largest = brought.largest.unwrap_or_default();
        self.messages = self.messages.saturating_add(brought.begun);
        if largest > limit {
            return Err(refuse(BodyError::TooLarge { limit }));
        }
        if self.is_one && self.messages > 1 {
            return Err(refuse(Problem::Protocol("A call must have one whole message".into())));
        }
        if largest >= LARGE { memory::probe(largest).map_err(refuse) } else { Ok(()) }
    }
}

impl HttpBody for Checked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else { return Poll::Ready(None) };
        let checked = frame
            .map_err(|error| status_of(&error, &self.kept))
            .and_then(|frame| frame.data_ref().map_or(Ok(()), |data| self.check(data)).map(|()| frame));
        Poll::Ready(Some(checked))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The status of an error of a body. That of an inflated one is made already. tonic's own hold the error as their source;
/// tonic-web's, which are `INTERNAL`, do not.
fn status_of(error: &axum::Error, kept: &Kept) -> Status {
    let (mut next, mut status): (Option<&(dyn StdError + 'static)>, _) = (Some(error), None);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<BodyError>() {
            return refuse(*error);
        }
        status = status.or_else(|| error.downcast_ref::<Status>());
        next = error.source();
    }
    match (status, kept.0.get()) {
        (Some(status), None) => status.clone(),
        (Some(status), _) if status.code() != Code::Internal => status.clone(),
        _ => refuse(kept.cause(error)),
    }
}
