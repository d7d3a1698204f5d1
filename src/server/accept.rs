//! The accept loop: so many connections at a time, each with its deadlines, until the server ends.
//!
//! `axum::serve` has no timers and no limits, hence a loop of our own on hyper.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Version};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::ServiceExt;

use super::activity::{Activity, Answering, Watched};
use super::lifecycle::{Lifecycle, Phase};
use crate::config::Connections;

/// The wait after a failure to accept, doubled up to the second for each that follows at once.
const BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// How often a connection's deadline is looked at: it moves with every byte.
const GRAIN: Duration = Duration::from_millis(250);

/// Streams at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// Serves until the server drains, then finishes what was accepted. Whether all of it was.
pub async fn serve(listener: TcpListener, router: Router, limits: Connections, lifecycle: &Lifecycle) -> bool {
    raise_file_limit();
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let acceptor = Acceptor { slots: slots.clone(), router, limits, lifecycle: lifecycle.clone() };
    tokio::select! {
        () = acceptor.accept_forever(&listener) => {}
        () = lifecycle.reached(Phase::Draining) => {}
    }
    acceptor.accept_the_waiting(&listener);
    drop(listener);
    let all = u32::try_from(limits.max_connections).unwrap_or(u32::MAX);
    timeout(limits.shutdown_timeout, slots.acquire_many(all)).await.is_ok()
}

/// Lets this process open as many files as it may: a connection is one, and the usual limit is lower than
/// what the system would grant.
fn raise_file_limit() {
    let granted = getrlimit(Resource::Nofile);
    if granted.current < granted.maximum {
        // Where it is refused, what there is has to do.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: granted.maximum, ..granted });
    }
}

struct Acceptor {
    slots: Arc<Semaphore>,
    router: Router,
    limits: Connections,
    lifecycle: Lifecycle,
}

impl Acceptor {
    async fn accept_forever(&self, listener: &TcpListener) {
        let mut backoff = BACKOFF;
        loop {
            // Nobody closes the semaphore.
            let Ok(slot) = self.slots.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((socket, remote)) => {
                    backoff = BACKOFF;
                    self.spawn(socket, remote, slot);
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!("connections can't be accepted for now: {error}");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                }
            }
        }
    }

    /// What the system has accepted for us is answered too: closing the listener would reset it.
    fn accept_the_waiting(&self, listener: &TcpListener) {
        while let Ok(slot) = self.slots.clone().try_acquire_owned() {
            let mut context = Context::from_waker(std::task::Waker::noop());
            let Poll::Ready(Ok((socket, remote))) = listener.poll_accept(&mut context) else { return };
            self.spawn(socket, remote, slot);
        }
    }

    fn spawn(&self, socket: TcpStream, remote: SocketAddr, slot: OwnedSemaphorePermit) {
        // Answers are small: waiting to fill a packet only delays them.
        let _ = socket.set_nodelay(true);
        let (router, limits, lifecycle) = (self.router.clone(), self.limits, self.lifecycle.clone());
        tokio::spawn(async move {
            connection(socket, remote, router, limits, lifecycle).await;
            drop(slot);
        });
    }
}

/// Whether a failure to accept is that of one connection, and the next may be had at once.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(socket: TcpStream, remote: SocketAddr, router: Router, limits: Connections, lifecycle: Lifecycle) {
    let activity = Activity::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (router, lifecycle) = (router.clone(), lifecycle.clone());
        let answering = Arc::new(activity.begin(request.version()));
        // What still comes of a body that has been answered is no head of a request.
        let request = request.map(|body| Body::new(Held { body, _answering: answering.clone() }));
        async move {
            let response = answer(router, request, remote, &lifecycle).await;
            drop(answering);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_headers(limits.max_headers).max_buf_size(limits.max_header_bytes);
    let header_list = u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX);
    builder.http2().max_concurrent_streams(MAX_STREAMS).max_header_list_size(header_list);
    let io = TokioIo::new(Watched { socket, activity: activity.clone() });
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut draining = pin!(lifecycle.reached(Phase::Draining));
    let mut is_draining = false;
    loop {
        tokio::select! {
            // What goes wrong on a connection is its client's affair, and is in the log of its requests.
            _ = connection.as_mut() => return,
            () = expired(&activity, &limits) => return,
            () = draining.as_mut(), if !is_draining => {
                is_draining = true;
                if activity.drain() {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Done when the connection's time is up.
async fn expired(activity: &Activity, limits: &Connections) {
    loop {
        let now = Instant::now();
        let deadline = activity.deadline(limits);
        if deadline.is_some_and(|deadline| deadline <= now) {
            return;
        }
        sleep_until((now + GRAIN).min(deadline.unwrap_or(now + GRAIN))).await;
    }
}

/// A body, during which its request is being answered.
struct Held {
    body: Incoming,
    _answering: Arc<Answering>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn answer(router: Router, mut request: Request<Body>, remote: SocketAddr, lifecycle: &Lifecycle) -> Response {
    let version = request.version();
    request.extensions_mut().insert(ConnectInfo(remote));
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    // HTTP/2 has its own way to say so, and forbids this one.
    if version < Version::HTTP_2 && lifecycle.phase() == Phase::Draining {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
