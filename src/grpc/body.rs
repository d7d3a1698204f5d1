//! The body of a request on its way to tonic: the size that each message states of itself is checked before it is read, a
//! compressed message is inflated on a compute thread, and the errors of the body keep their codes.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;

use super::render::{is_analysis, is_stream, is_web};
use super::status::refuse;
use crate::engine::{Coding, Output, inflate};
use crate::error::Error;
use crate::guard::body::{self, Receipt, cause, charged};
use crate::guard::{BodyError, Frames};
use crate::http::{App, Problem};
use crate::memory;

/// The largest message of a method that takes no pictures, in bytes.
const SMALL: usize = 64 << 10;

/// Messages from this size on are large, in bytes: tonic allocates them whole, and aborts where it is refused the memory.
const LARGE: usize = 1 << 20;

/// Bytes before a message.
const PREFIX: usize = 5;

/// The name of the only compression, and the header that has it.
const GZIP: &[u8] = b"gzip";
const ENCODING: &str = "grpc-encoding";

/// The error of a body of gRPC-web. tonic-web passes on its words alone, in a status of its own.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<OnceLock<BodyError>>);

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
    let request = if is_one && is_compressed { inflated(&app, request, limit).await } else { Ok(request) };
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

/// The request with its only message inflated. The message is charged for what it takes then.
async fn inflated(app: &App, request: Request, limit: usize) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let account = parts.extensions.get::<Receipt>().ok_or(Error::Internal)?.account.clone();
    let message = if limit == SMALL {
        to_bytes(body, SMALL + PREFIX).await.map_err(|_| BodyError::TooLarge { limit })?
    } else {
        let kept = parts.extensions.get::<Kept>().cloned().unwrap_or_default();
        body::read(body, account.clone()).await.map_err(|error| kept.0.get().copied().unwrap_or(error))?
    };
    let whole = message
        .first_chunk::<PREFIX>()
        .is_some_and(|[_, length @ ..]| usize::try_from(u32::from_be_bytes(*length)) == Ok(message.len() - PREFIX));
    if !whole {
        return Err(Problem::Protocol("A call must have one whole message".into()));
    }
    if message[0] == 0 {
        return Ok(Request::from_parts(parts, message.into()));
    }
    let read = move |stop: &crate::stop::Stop| {
        let mut buffer = Vec::new();
        inflate(&message[PREFIX..], Coding::Gzip, limit, stop, &mut buffer)?;
        account.charge(buffer.len(), buffer.len()).map_err(|_| Error::Busy)?;
        Ok(charged(buffer, &account))
    };
    let deadline = app.engine.terms(Output::Probabilities).deadline;
    // A small message takes less time than the wait for a thread.
    let message = if limit == SMALL {
        read(&crate::stop::Stop::at(deadline))?
    } else {
        app.engine.prepare(deadline, read).await?
    };
    parts.headers.remove(ENCODING);
    let length = u32::try_from(message.len()).map_err(|_| Error::Internal)?.to_be_bytes();
    let prefix = Bytes::copy_from_slice(&[&[0], &length[..]].concat());
    let pieces = stream::iter([Ok::<_, BodyError>(prefix), Ok(message)]);
    Ok(Request::from_parts(parts, Body::from_stream(pieces)))
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
            .map_err(|error| refuse(self.kept.0.get().copied().unwrap_or_else(|| cause(&error))))
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
