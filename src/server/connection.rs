//! One connection: HTTP/1 or HTTP/2 by what the client sends, from its acceptance to its end.

use std::convert::Infallible;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Version};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::{Service, ServiceExt};

use super::Peer;
use super::activity::{Activity, Answering, Reason, Step};
use super::idle::Idle;
use super::lifecycle::{Lifecycle, Phase};
use super::refusals::{refusal_of, refused};
use super::socket::{Watched, unsent};
use crate::config::Connections;

/// Streams at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// Evicted connections that may stay open until their client has read the GOAWAY, beside those that have a slot.
const MAX_LINGERING: usize = 64;

/// The bounds of draining a refused request, and the pause between two reads.
const DRAIN_BYTES: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);
const DRAIN_PAUSE: Duration = Duration::from_millis(10);

/// A service that answers every request: its errors are responses.
pub trait HttpService:
    Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

/// The state that the connections of one server share.
#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) limits: Connections,
    pub(super) lifecycle: Lifecycle,
    pub(super) idle: Arc<Idle>,
    lingering: Semaphore,
}

impl<S: HttpService> Shared<S> {
    pub(super) fn new(service: S, limits: Connections, lifecycle: Lifecycle) -> Self {
        Self { service, limits, lifecycle, idle: Arc::default(), lingering: Semaphore::new(MAX_LINGERING) }
    }

    /// Serves one connection to its end. `slot` is returned then, or when the connection is evicted.
    pub(super) async fn serve<I>(&self, socket: I, peer: Peer, slot: OwnedSemaphorePermit, max_age: Option<Duration>)
    where
        I: AsyncRead + AsyncWrite + AsRawFd + Unpin + Send + 'static,
    {
        let descriptor = socket.as_raw_fd();
        self.serve_on(socket, Some(descriptor), peer, slot, max_age).await;
    }

    /// The same over any stream. `descriptor` is that of its socket, if it has one.
    async fn serve_on<I>(
        &self,
        socket: I,
        descriptor: Option<RawFd>,
        peer: Peer,
        slot: OwnedSemaphorePermit,
        max_age: Option<Duration>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new(self.limits, self.idle.clone(), max_age);
        let unread = Unread::default();
        let service =
            service_fn(|request: Request<Incoming>| self.answer(request, peer, activity.clone(), unread.clone()));
        let builder = builder(&self.limits);
        let io = TokioIo::new(Watched { socket, activity: activity.clone(), peer });
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut draining = pin!(self.lifecycle.reached(Phase::Draining));
        let mut is_draining = false;
        let mut slot = Some(slot);
        let mut lingering = None;
        loop {
            let deadline = match activity.step() {
                Step::Wait(deadline) => deadline,
                Step::Retire => {
                    // On HTTP/1 the next answer says `Connection: close`; hyper would close an idle connection at once,
                    // although a request may be on its way.
                    if activity.is_http2() {
                        connection.as_mut().graceful_shutdown();
                    }
                    continue;
                }
                Step::Measure => {
                    if activity.measure(descriptor.map_or(0, waiting)) {
                        continue;
                    }
                    tracing::info!(remote_ip = %peer, "the client reads its answer too slowly: cut off");
                    break;
                }
                Step::Close => break,
            };
            if activity.is_evicted() && slot.take().is_some() {
                lingering = self.lingering.try_acquire().ok();
                if lingering.is_none() && activity.is_idle() {
                    // A single poll writes the GOAWAY.
                    let _ = timeout(Duration::ZERO, connection.as_mut()).await;
                    break;
                }
            }
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    let refusal = ended.as_ref().err().and_then(|error| refusal_of(&**error));
                    if let Some((refusal, error)) = refusal.zip(ended.err()) {
                        refused(refusal, peer, &Causes(&*error));
                        unread.set();
                    }
                    if let Some(descriptor) = descriptor.filter(|_| unread.is_set()) {
                        drain(descriptor).await;
                    }
                    break;
                }
                () = activity.changed() => {}
                () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => {}
                () = draining.as_mut(), if !is_draining => {
                    is_draining = true;
                    activity.retire(Reason::Draining);
                }
            }
        }
        activity.close();
        drop(lingering);
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        activity: Activity,
        unread: Unread,
    ) -> impl Future<Output = Result<Response<Sent>, Infallible>> + Send + use<S> {
        let answering = Arc::new(activity.begin());
        let version = request.version();
        // On HTTP/2 a body that is left unread is its stream's affair.
        let unread = (version < Version::HTTP_2).then_some(unread);
        let mut request = request.map(|body| Body::new(Received { body, unread, _answering: answering.clone() }));
        request.extensions_mut().insert(peer);
        let (service, lifecycle) = (self.service.clone(), self.lifecycle.clone());
        async move {
            let mut response = service.oneshot(request).await?;
            // HTTP/2 forbids this field and has GOAWAY instead.
            let is_last = activity.is_retiring() || lifecycle.phase() == Phase::Draining;
            if version < Version::HTTP_2 && is_last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| Sent { body, has_handed_over: false, answering }))
        }
    }
}

/// Serves one connection over a stream that is not a socket, to its end. For fuzzing and tests: the connection is treated
/// as one that [`serve`](super::serve) has accepted, but what is written to it counts as received.
pub async fn serve_stream<S, I>(stream: I, peer: Peer, service: S, limits: Connections, lifecycle: &Lifecycle)
where
    S: HttpService,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(slot) = Arc::new(Semaphore::new(1)).acquire_owned().await else { return };
    Shared::new(service, limits, lifecycle.clone()).serve_on(stream, None, peer, slot, None).await;
}

fn builder(limits: &Connections) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_headers(limits.max_headers).max_buf_size(limits.max_header_bytes);
    let header_list = u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX);
    builder.http2().max_concurrent_streams(MAX_STREAMS).max_header_list_size(header_list);
    builder
}

/// The bytes that wait in the socket of a connection that is still open.
#[expect(unsafe_code, reason = "hyper owns the socket")]
fn waiting(descriptor: RawFd) -> u64 {
    // SAFETY: hyper's connection owns the socket, and lives until `Shared::serve_on` returns.
    unsent(unsafe { BorrowedFd::borrow_raw(descriptor) })
}

/// Reads and discards what a client still sends after its last answer: the rest of a request that hyper has refused, or a
/// body that stayed unread because the client should have waited for a `100 Continue`. Closing a socket that holds unread
/// bytes resets the connection, and the client may lose the answer.
#[expect(unsafe_code, reason = "hyper owns the socket")]
async fn drain(descriptor: RawFd) {
    // SAFETY: as in `waiting`.
    let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let end = Instant::now() + DRAIN_TIME;
    let mut buffer = vec![0; 64 << 10];
    let mut left = DRAIN_BYTES;
    while left > 0 && Instant::now() < end {
        match rustix::io::read(socket, &mut buffer[..]) {
            Ok(0) => return,
            Ok(length) => {
                left = left.saturating_sub(length);
                tokio::task::yield_now().await;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => sleep(DRAIN_PAUSE).await,
            Err(_) => return,
        }
    }
}

/// An error and its causes, separated by colons.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |error| error.source());
        causes.into_iter().try_for_each(|cause| write!(formatter, ": {cause}"))
    }
}

/// Whether bytes of a request were left unread on a connection. Copies share it.
#[derive(Clone, Default)]
struct Unread(Arc<AtomicBool>);

impl Unread {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body of a request. Until it is dropped, even after the answer, further bytes do not begin another request.
struct Received {
    body: Incoming,
    /// Told if the body is dropped before its end.
    unread: Option<Unread>,
    _answering: Arc<Answering>,
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.unread = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take().filter(|_| !self.body.is_end_stream()) {
            unread.set();
        }
    }
}

/// The body of an answer. hyper polls it only when it can send more, so the polls show who waits: the server for its
/// client, or the client for the server.
struct Sent {
    body: Body,
    has_handed_over: bool,
    answering: Arc<Answering>,
}

impl Sent {
    fn hands_over(&mut self, bytes: bool) {
        if std::mem::replace(&mut self.has_handed_over, bytes) != bytes {
            self.answering.activity().hands_over(bytes);
        }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.hands_over(matches!(polled, Poll::Ready(Some(Ok(_)))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.hands_over(false);
        self.answering.activity().has_ended();
    }
}
