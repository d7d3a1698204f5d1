//! The body of a request that is a stream of messages without a known end.
//!
//! A stream may be idle for a time between its messages, and each message has the time and the rate of a body. It ends with the
//! server. The budget is charged for the bytes that have come since the reader asked for the next message: it asks once it is
//! done with the one before.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::body::Deadline;
use super::budget::Account;
use super::frames::Frames;
use super::{BodyError, BodyLimits};

/// A future that is ready when the server ends.
pub type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A body of messages within its limits. Its errors are [`BodyError`]s.
pub struct StreamBody<B> {
    inner: B,
    limits: BodyLimits,
    idle: Duration,
    account: Account,
    ending: Ending,
    frames: Frames,
    /// Bytes that are charged.
    charged: usize,
    /// The begin of the message that is being read, and its bytes so far.
    message: Option<(Instant, usize)>,
    deadline: Deadline,
    /// The begin of the wait for the next message.
    waiting: Option<Instant>,
}

impl<B: Body<Data = Bytes> + Unpin> StreamBody<B> {
    /// Puts the rules round `inner`. Between two messages it may be idle for `idle`.
    pub fn new(inner: B, limits: BodyLimits, idle: Duration, account: Account, ending: Ending) -> Self {
        let (frames, charged, message, deadline, waiting) = Default::default();
        Self { inner, limits, idle, account, ending, frames, charged, message, deadline, waiting }
    }

    fn due(&mut self) -> Instant {
        match self.message {
            Some((begun, bytes)) => self.limits.due(begun, bytes),
            None => *self.waiting.get_or_insert_with(Instant::now) + self.idle,
        }
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.due();
        self.deadline.poll(due, context)
    }

    /// Takes bytes that have come.
    fn take(&mut self, data: &Bytes) -> Result<(), BodyError> {
        let limit = self.limits.max_bytes;
        let brought = self.frames.read(data);
        if brought.largest.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge { limit });
        }
        self.account.charge(self.charged.saturating_add(data.len()), data.len())?;
        self.charged += data.len();
        // A message that begins where another one ended has its own time.
        let begun = self.message.filter(|_| brought.ended == 0).map_or_else(Instant::now, |(begun, _)| begun);
        self.message = Some((begun, self.frames.unfinished())).filter(|(_, bytes)| *bytes > 0);
        self.waiting = None;
        Ok(())
    }

    /// Gives back what earlier messages have taken. Those bytes of the current one that have come stay charged.
    fn settle(&mut self) {
        let kept = self.message.map_or(0, |(_, bytes)| bytes);
        if self.charged > kept {
            self.account.give_back(self.charged - kept);
            self.charged = kept;
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for StreamBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.settle();
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::Incomplete))),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(match frame.data_ref() {
                Some(data) => self.take(data).map(|()| frame),
                None => Ok(frame),
            })),
            Poll::Pending if self.message.is_none() && self.ending.as_mut().poll(context).is_ready() => {
                Poll::Ready(Some(Err(BodyError::Ending)))
            }
            Poll::Pending if self.poll_deadline(context).is_ready() => {
                let late = if self.message.is_some() { BodyError::TooSlow } else { BodyError::Idle };
                Poll::Ready(Some(Err(late)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> std::fmt::Debug for StreamBody<B> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StreamBody").field("charged", &self.charged).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::guard::Budget;

    /// A body that comes in these pieces.
    struct Pieces(VecDeque<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    async fn next<B: Body<Data = Bytes> + Unpin>(body: &mut StreamBody<B>) -> Option<Result<Frame<Bytes>, BodyError>> {
        std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
    }

    /// Pieces that hold the end of one message and the beginning of the next.
    #[tokio::test]
    async fn what_is_done_with_is_given_back_whatever_the_pieces() {
        let message = [&[0, 0, 0, 3, 232][..], &[7; 1000]].concat();
        let all = Bytes::from(message.repeat(50));
        let pieces = (0..all.len()).step_by(700).map(|at| all.slice(at..all.len().min(at + 700))).collect();
        let budget = Budget::new(10_000);
        let limits = BodyLimits { max_bytes: 1000, timeout: Duration::from_mins(1), min_rate: 1000 };
        let ending = Box::pin(std::future::pending());
        let mut body = StreamBody::new(Pieces(pieces), limits, Duration::from_mins(1), budget.account(), ending);
        while let Some(frame) = next(&mut body).await {
            frame.unwrap();
            assert!(budget.taken() < 2000, "{}", budget.taken());
        }
        assert!(budget.taken() < 1000, "{}", budget.taken());
        drop(body);
        assert_eq!(budget.taken(), 0);
    }
}
