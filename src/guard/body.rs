//! A request's body that enforces its limits for every reader.
//!
//! [`LimitedBody`] enforces the size limit, the memory budget, the deadline and the minimum rate. When its reader drops it,
//! the rest of the body is drained, within bounds. A client that is still sending treats a closed connection as broken and
//! does not read the answer.

use std::error::Error as StdError;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, timeout};

use super::budget::{Account, NoRoom};
use crate::memory;

/// The bounds of a drain: bytes as a multiple of the limit, and time.
const DRAIN_FACTOR: u64 = 4;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Bytes newly allocated for a body before any of it has arrived, at most. The client may announce more than it sends.
const FIRST_RESERVE: usize = 64 << 10;

/// The rules for bodies.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// The time for a body of any size.
    pub timeout: Duration,
    /// Bytes of a body for which it has another second.
    pub min_rate: u32,
}

impl BodyLimits {
    /// The deadline of a body or message that began at `begun` and of which `read` bytes have come.
    pub(super) fn due(&self, begun: Instant, read: usize) -> Instant {
        begun + self.timeout + Duration::from_millis(1000 * read as u64 / u64::from(self.min_rate))
    }
}

/// A deadline that moves.
#[derive(Debug, Default)]
pub(super) struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    /// Ready once `due` has passed.
    pub(super) fn poll(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

/// Why a body can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is larger than the limit, by its announced length or by the bytes received.
    #[error("The body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The budget has no room for the body.
    #[error("There is no room for the body")]
    NoRoom,
    /// The body came more slowly than the minimum rate.
    #[error("The body came too slowly")]
    TooSlow,
    /// The connection ended in the middle of the body, or its framing is damaged.
    #[error("The body ended too early")]
    Incomplete,
    /// The system has no memory for the body.
    #[error("There is no memory for the body")]
    OutOfMemory,
    /// No message of a stream has come for too long.
    #[error("The stream was idle")]
    Idle,
    /// The server ends, and with it a stream that was idle.
    #[error("The server ends")]
    Ending,
}

impl From<NoRoom> for BodyError {
    fn from(NoRoom: NoRoom) -> Self {
        Self::NoRoom
    }
}

/// A body within [`BodyLimits`] and an [`Account`]. Its errors are [`BodyError`]s.
#[derive(Debug)]
pub struct LimitedBody<B: Body<Data = Bytes> + Unpin + Send + 'static> {
    /// Taken once there is nothing more to read.
    inner: Option<B>,
    limits: BodyLimits,
    receipt: Receipt,
    /// Set by the first read.
    begun: Option<Instant>,
    deadline: Deadline,
    read: usize,
    /// The client waits for a `100 Continue`, which hyper sends at the first read.
    waits: bool,
}

/// The state of a body that the request keeps while another owner reads it.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The bytes that the body has taken from the budget.
    pub account: Account,
    begun: Arc<AtomicBool>,
}

impl Receipt {
    /// Whether anybody has begun to read the body.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

impl<B> LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    /// Puts the rules round `inner`. `waits` says that the client has sent `Expect: 100-continue`.
    pub fn new(inner: B, limits: BodyLimits, account: Account, waits: bool) -> (Self, Receipt) {
        let receipt = Receipt { account, begun: Arc::default() };
        let inner = (!inner.is_end_stream()).then_some(inner);
        (
            Self {
                inner,
                limits,
                receipt: receipt.clone(),
                begun: None,
                deadline: Deadline::default(),
                read: 0,
                waits,
            },
            receipt,
        )
    }

    /// Refuses a body by its announced length, before any of it is read.
    fn admit(&self, announced: u64) -> Result<(), BodyError> {
        let limit = self.limits.max_bytes;
        match usize::try_from(announced) {
            Ok(length) if length > limit => Err(BodyError::TooLarge { limit }),
            Err(_) => Err(BodyError::TooLarge { limit }),
            Ok(length) if !self.receipt.account.has_room_for(length) => Err(BodyError::NoRoom),
            Ok(_) => Ok(()),
        }
    }

    fn take(&mut self, data: &Bytes) -> Result<(), BodyError> {
        self.read = self.read.saturating_add(data.len());
        if self.read > self.limits.max_bytes {
            return Err(BodyError::TooLarge { limit: self.limits.max_bytes });
        }
        Ok(self.receipt.account.charge(self.read, data.len())?)
    }

    /// The deadline of the body. Each byte that arrives moves it.
    fn due(&self) -> Instant {
        self.limits.due(self.begun.unwrap_or_else(Instant::now), self.read)
    }

    /// Ready once the deadline has passed.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.due();
        self.deadline.poll(due, context)
    }

    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        match Pin::new(inner).poll_frame(context) {
            Poll::Pending if self.poll_deadline(context).is_ready() => Poll::Ready(Some(Err(BodyError::TooSlow))),
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::Incomplete))),
            // Frames without data do not move the deadline, and a client can send them without end.
            Poll::Ready(Some(Ok(_))) if self.due() <= Instant::now() => Poll::Ready(Some(Err(BodyError::TooSlow))),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(match frame.data_ref() {
                Some(data) => self.take(data).map(|()| frame),
                None => Ok(frame),
            })),
        }
    }
}

impl<B> Body for LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.begun.is_none() {
            let announced = self.size_hint().lower();
            if let Err(error) = self.admit(announced) {
                return Poll::Ready(Some(Err(error)));
            }
            self.begun = Some(Instant::now());
            self.receipt.begun.store(true, Ordering::Relaxed);
        }
        let frame = ready!(self.poll_inner(context));
        // There is nothing to drain: the body is complete, or its connection is unusable.
        if matches!(frame, None | Some(Err(BodyError::Incomplete | BodyError::TooSlow))) {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    fn drop(&mut self) {
        let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) else { return };
        // Reading would send `100 Continue`.
        if self.waits && !self.receipt.has_begun() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(drain(inner, DRAIN_FACTOR.saturating_mul(self.limits.max_bytes as u64)));
        }
    }
}

/// Reads and discards up to `most` bytes. A client that sends more is cut off.
async fn drain(body: impl Body<Data = Bytes> + Unpin, most: u64) {
    let mut body = body;
    let all = async {
        let mut read = 0;
        while let Some(Ok(frame)) = next(&mut body).await {
            read += frame.data_ref().map_or(0, Buf::remaining) as u64;
            if read > most {
                break;
            }
        }
    };
    let _ = timeout(DRAIN_TIME, all).await;
}

async fn next<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// Reads a whole body whose innermost layer is a [`LimitedBody`], which `account` belongs to. The account lives as long
/// as the last clone or slice of the returned bytes.
///
/// # Errors
/// Those of the limited body; [`BodyError::OutOfMemory`].
pub async fn read<B>(body: B, account: Account) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: StdError + 'static,
{
    let grow = |bytes: &mut Vec<u8>, more| memory::grow(bytes, more).map_err(|_| BodyError::OutOfMemory);
    let mut body = pin!(body);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = account.buffer(announced);
    grow(&mut bytes, announced.min(FIRST_RESERVE))?;
    loop {
        match next(&mut body).await {
            None => return Ok(charged(bytes, &account)),
            Some(Err(error)) => return Err(cause(&error)),
            Some(Ok(frame)) => {
                // Trailers are ignored.
                if let Ok(data) = frame.into_data() {
                    grow(&mut bytes, data.len())?;
                    bytes.extend_from_slice(&data);
                }
            }
        }
    }
}

/// Bytes that hold the account they are charged to, as long as their last clone or slice lives.
pub fn charged(bytes: Vec<u8>, account: &Account) -> Bytes {
    account.hold_buffer(bytes)
}

/// The [`BodyError`] inside the error of a layer round the body.
pub fn cause(error: &(dyn StdError + 'static)) -> BodyError {
    sources(error).find_map(<dyn StdError>::downcast_ref).copied().unwrap_or(BodyError::Incomplete)
}

/// An error and its sources, outermost first.
pub fn sources<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| StdError::source(*error))
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
