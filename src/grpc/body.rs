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
use tonic::Status;

use super::inflate;
use super::render::{is_analysis, is_stream, is_web};
use super::request;
use super::status::refuse;
use crate::error::Error;
use crate::guard::body::{cause, sources};
use crate::guard::{BodyError, Frames};
use crate::http::{App, Problem};
use crate::memory;

/// The largest message of a method that takes no pictures, in bytes.
pub(super) const SMALL: usize = 64 << 10;

/// Messages from this size on are large, in bytes: tonic allocates them whole, and aborts where it is refused the memory.
const LARGE: usize = 1 << 20;

/// The name of the only compression, and the header that has it.
const GZIP: &[u8] = b"gzip";
const ENCODING: &str = "grpc-encoding";

/// The error of a body of gRPC-web. tonic-web passes on its words alone, in a status of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Arc<OnceLock<BodyError>>);

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

/// Puts the check round the body of a request. gRPC-web's is a stream as well here, if the method takes one: tonic-web has made
/// it gRPC's.
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
    Ok(Request::from_parts(parts, inflate::inflated(app, body, account, limit, is_one, kept)))
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
            return Err(not_whole());
        }
        if largest >= LARGE { memory::probe(largest).map_err(refuse) } else { Ok(()) }
    }
}

impl HttpBody for Checked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            let is_whole = self.frames.unfinished() == 0 && (self.messages > 0 || !self.is_one);
            return Poll::Ready((!is_whole).then(|| Err(not_whole())));
        };
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

/// The refusal of a body that is not made of messages, or of too many or too few.
pub(super) fn not_whole() -> Status {
    refuse(Problem::Protocol("The body must be whole messages, and one for a call without streams".into()))
}

/// The status of an error of a body. A status with details is ours: that of an inflated body is made already. One without is
/// tonic-web's, of a body that is not gRPC-web's, or hides the error that was kept.
pub(super) fn status_of(error: &axum::Error, kept: &Kept) -> Status {
    let mut statuses = sources(error).filter_map(<dyn StdError>::downcast_ref::<Status>);
    if let Some(status) = statuses.find(|status| !status.details().is_empty()) {
        return status.clone();
    }
    match kept.0.get().copied().unwrap_or_else(|| cause(error)) {
        // tonic takes CANCELLED for the end of the body.
        BodyError::Incomplete => not_whole(),
        error => refuse(error),
    }
}
