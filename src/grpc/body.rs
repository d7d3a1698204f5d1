//! The body of a request on its way to tonic: the size that each message states of itself is checked before it is read, and the
//! errors of the body keep their codes.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;

use super::status::refuse;
use crate::guard::{BodyError, Frames};
use crate::http::App;

/// Puts the check round the body of a request.
pub(super) async fn check(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let limit = app.body_limits.max_bytes;
    next.run(request.map(|body| Body::new(Checked { body, frames: Frames::default(), limit }))).await
}

struct Checked {
    body: Body,
    frames: Frames,
    limit: usize,
}

impl HttpBody for Checked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else { return Poll::Ready(None) };
        let checked = frame.map_err(|error| status_of(&error)).and_then(|frame| {
            let limit = self.limit;
            let largest = frame.data_ref().and_then(|data| self.frames.read(data));
            match largest {
                Some(length) if length > limit => Err(refuse(BodyError::TooLarge { limit })),
                _ => Ok(frame),
            }
        });
        Poll::Ready(Some(checked))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The status of an error of a body. Where gRPC-web is decoded it has become a status already, whose cause it is.
fn status_of(error: &(dyn StdError + 'static)) -> Status {
    let (mut next, mut status) = (Some(error), None);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<BodyError>() {
            return refuse(*error);
        }
        status = status.or_else(|| error.downcast_ref::<Status>());
        next = error.source();
    }
    status.cloned().unwrap_or_else(|| refuse(BodyError::Incomplete))
}
