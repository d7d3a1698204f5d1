//! Streams in both directions: each message is answered before the next one is read, so that a client that does not read its
//! answers costs one picture.

use std::pin::Pin;
use std::time::Instant;

use futures_util::{Stream, stream};
use tonic::{Status, Streaming};

use super::status::refuse;
use crate::error::Error;
use crate::guard::BodyError;
use crate::http::App;
use crate::server::lifecycle::Phase;

/// The answers of a stream.
pub(super) type Answers<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// An answer that is on its way.
pub(super) type Answer<A> = Pin<Box<dyn Future<Output = A> + Send>>;

/// Answers each message in turn. Ends after an error of the stream, at `deadline`, and when the server drains.
pub(super) fn answer_each<M: Send + 'static, A: Send + 'static>(
    messages: Streaming<M>,
    app: &App,
    deadline: Option<Instant>,
    answer: impl Fn(M) -> Answer<A> + Send + Sync + 'static,
) -> Answers<A> {
    let start = Some((messages, app.lifecycle.clone(), answer));
    Box::pin(stream::unfold(start, move |state| async move {
        let (mut messages, lifecycle, answer) = state?;
        // A stream that is idle is ended by its body.
        if lifecycle.phase() == Phase::Draining {
            return Some((Err(refuse(BodyError::Ending)), None));
        }
        let next = async {
            match messages.message().await {
                Ok(Some(message)) => Some(Ok(answer(message).await)),
                Ok(None) => None,
                Err(status) => Some(Err(status)),
            }
        };
        let next = match deadline {
            None => next.await,
            Some(deadline) => {
                let late = |_| Some(Err(refuse(Error::DeadlineExceeded)));
                tokio::time::timeout_at(deadline.into(), next).await.unwrap_or_else(late)
            }
        }?;
        let goes_on = next.is_ok();
        Some((next, goes_on.then_some((messages, lifecycle, answer))))
    }))
}
