//! What a connection is doing, and until when it may.
//!
//! hyper's own timer is for headers only, does not know an idle connection from a slow one, and is
//! not there before it has told HTTP/1 from HTTP/2: a connection that says nothing would stay.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::Connections;

/// How long a connection without a request stays open once the server drains: long enough for a
/// request that is on its way, which is answered.
const LINGER: Duration = Duration::from_secs(1);

/// One connection's state, shared by its socket, its requests and its guard.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests that are being answered.
    requests: usize,
    /// When it was accepted, last finished a request, or last took a part of an answer.
    idle_since: Instant,
    /// When the first byte of the next request's head came.
    head_since: Option<Instant>,
    /// The protocol, once there has been a request.
    version: Option<Version>,
    draining_since: Option<Instant>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            requests: 0,
            idle_since: Instant::now(),
            head_since: None,
            version: None,
            draining_since: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head is complete; it is being answered until what is returned is dropped.
    pub(super) fn begin(&self, version: Version) -> Answering {
        let mut state = self.state();
        state.requests += 1;
        state.head_since = None;
        state.version = Some(version);
        Answering(self.clone())
    }

    /// From now on it lingers only. Whether it is HTTP/2, which can be told.
    pub(super) fn drain(&self) -> bool {
        let mut state = self.state();
        state.draining_since = Some(Instant::now());
        state.is_http2()
    }

    /// When the connection is to be closed, as things are.
    pub(super) fn deadline(&self, limits: &Connections) -> Option<Instant> {
        let state = self.state();
        if state.requests > 0 {
            return None;
        }
        let patience = if state.version.is_none() { limits.header_timeout } else { limits.keep_alive_timeout };
        let mut deadline = state.idle_since + patience;
        if let Some(begun) = state.head_since {
            deadline = begun + limits.header_timeout;
        } else if let Some(draining) = state.draining_since {
            deadline = deadline.min(draining.max(state.idle_since) + LINGER);
        }
        Some(deadline)
    }

    fn has_read(&self) {
        let mut state = self.state();
        // HTTP/2 has frames that are no request, and begins none in pieces that could be told here.
        if state.requests == 0 && !state.is_http2() {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    fn has_written(&self) {
        self.state().idle_since = Instant::now();
    }
}

impl State {
    fn is_http2(&self) -> bool {
        self.version == Some(Version::HTTP_2)
    }
}

/// A request is being answered for as long as this lives.
#[derive(Debug)]
pub(super) struct Answering(Activity);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        state.idle_since = Instant::now();
    }
}

/// A socket that tells what goes through it.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) socket: S,
    pub(super) activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.has_read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(context, bytes);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.activity.has_written();
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.activity.has_written();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
