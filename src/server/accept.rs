//! The accept loop: a slot for each connection, the longest idle one evicted when there is none, and the backlog
//! worked off at the end.
//!
//! `axum::serve` has neither timers nor limits.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::hash::BuildHasher;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};

use super::Peer;
use super::connection::{HttpService, Shared};
use super::idle::Eviction;
use super::lifecycle::{Lifecycle, Phase};
use super::listen::{BACKLOG, Backlog, Listener, Socket};
use crate::config::Connections;

/// The wait after a failure to accept. It doubles with each further failure, up to the longest.
const BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// Serves until the server drains, then finishes what the system has accepted for it by then. Returns whether all of it
/// was finished within `limits.shutdown_timeout`.
pub async fn serve<S: HttpService>(
    listener: impl Into<Listener>,
    service: S,
    limits: Connections,
    lifecycle: &Lifecycle,
) -> bool {
    raise_file_limit();
    let (running, mut finished) = mpsc::channel(1);
    let acceptor = Acceptor {
        slots: Arc::new(Semaphore::new(limits.max_connections)),
        connections: Arc::new(Shared::new(service, limits, lifecycle.clone())),
        jitter: RandomState::new(),
        running,
    };
    let listener = listener.into();
    let all = async move {
        if let Some(backlog) = acceptor.accept_until(listener, lifecycle.reached(Phase::Draining)).await {
            acceptor.accept_backlog(&backlog).await;
        }
        drop(acceptor);
        // Nothing is sent: it ends when every connection has dropped its sender.
        let _: Option<Infallible> = finished.recv().await;
    };
    let too_late = async {
        lifecycle.reached(Phase::Draining).await;
        sleep(limits.shutdown_timeout).await;
    };
    tokio::select! {
        () = all => true,
        () = too_late => false,
    }
}

/// Lets this process open as many files as the system grants. Each connection is one.
fn raise_file_limit() {
    let granted = getrlimit(Resource::Nofile);
    if granted.current < granted.maximum {
        // If it is refused, the current limit stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: granted.maximum, ..granted });
    }
}

struct Acceptor<S> {
    slots: Arc<Semaphore>,
    connections: Arc<Shared<S>>,
    jitter: RandomState,
    /// Held by each connection.
    running: mpsc::Sender<Infallible>,
}

impl<S: HttpService> Acceptor<S> {
    /// Accepts until `end`, and returns the connections that still wait to be accepted.
    async fn accept_until(&self, listener: Listener, end: impl Future<Output = ()>) -> Option<Backlog> {
        let mut end = std::pin::pin!(end);
        let mut backoff = BACKOFF;
        loop {
            let accepted = tokio::select! {
                biased;
                () = end.as_mut() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(socket) => {
                    backoff = BACKOFF;
                    self.spawn(socket, self.slot().await);
                }
                Err(error) => self.after(&error, &mut backoff).await,
            }
        }
        let backlog = listener.into_backlog();
        backlog.inspect_err(|error| tracing::warn!("the waiting connections can't be accepted: {error}")).ok()
    }

    /// Accepts what the system has queued: closing the listener would reset it. Clients that connect meanwhile are
    /// queued too, so the longest possible queue is the bound.
    async fn accept_backlog(&self, backlog: &Backlog) {
        let mut backoff = BACKOFF;
        for _ in 0..BACKLOG {
            match backlog.accept() {
                Ok(socket) => self.spawn(socket, self.slot().await),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => self.after(&error, &mut backoff).await,
            }
        }
    }

    /// Waits after an error of the system. An error of one connection needs no wait.
    async fn after(&self, error: &io::Error, backoff: &mut Duration) {
        if !is_the_clients(error) {
            tracing::warn!("connections can't be accepted for now: {error}");
            sleep(*backoff).await;
            *backoff = (*backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    /// Waits for a slot. If there is none, the longest idle connection gives up its own.
    async fn slot(&self) -> OwnedSemaphorePermit {
        let idle = &self.connections.idle;
        loop {
            if let Ok(slot) = self.slots.clone().try_acquire_owned() {
                return slot;
            }
            // The semaphore is never closed.
            let freed = self.slots.clone().acquire_owned();
            match idle.evict(Instant::now()) {
                Eviction::Done => {
                    if let Ok(slot) = freed.await {
                        return slot;
                    }
                }
                Eviction::At(time) => {
                    if let Ok(Ok(slot)) = timeout_at(time, freed).await {
                        return slot;
                    }
                }
                Eviction::NoneIdle => tokio::select! {
                    slot = freed => if let Ok(slot) = slot { return slot },
                    () = idle.another() => {}
                },
            }
        }
    }

    fn spawn(&self, socket: Socket, slot: OwnedSemaphorePermit) {
        match socket {
            Socket::Tcp(socket, remote) => {
                // Answers are small: waiting to fill a packet only delays them.
                let _ = socket.set_nodelay(true);
                self.spawn_on(socket, Peer::Ip(remote), slot);
            }
            Socket::Unix(socket) => self.spawn_on(socket, Peer::Unix, slot),
        }
    }

    fn spawn_on<I>(&self, socket: I, peer: Peer, slot: OwnedSemaphorePermit)
    where
        I: AsyncRead + AsyncWrite + AsRawFd + Unpin + Send + 'static,
    {
        let (connections, running) = (self.connections.clone(), self.running.clone());
        let max_age = connections.limits.max_connection_age.map(|age| self.jittered(age));
        tokio::spawn(async move {
            connections.serve(socket, peer, slot, max_age).await;
            drop(running);
        });
    }

    /// A tenth more or less, so that connections that began together do not end together.
    fn jittered(&self, age: Duration) -> Duration {
        let random = self.jitter.hash_one(Instant::now().into_std());
        let percent = u32::try_from(90 + random % 21).unwrap_or(100);
        age * percent / 100
    }
}

/// Whether a failure to accept is that of one connection, so that the next can be accepted at once.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
