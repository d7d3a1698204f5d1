//! The activity of a connection, and the deadlines that follow from it.
//!
//! hyper's own timer covers the head of an HTTP/1 request only. It knows neither an idle connection nor a reader that
//! does not read, and it does not run before HTTP/1 and HTTP/2 have been told apart.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::frames::{PREFACE, Streams};
use super::idle::{Idle, Signal};
use crate::config::Connections;

/// How long a retiring connection stays open without a request: one that is on its way is still answered.
const LINGER: Duration = Duration::from_secs(1);

/// The next step for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait until this time, or until [`Activity::changed`] returns; `None` is no time limit.
    Wait(Option<Instant>),
    /// Take no more requests: GOAWAY on HTTP/2. Returned once.
    Retire,
    /// Call [`Activity::measure`].
    Measure,
    /// Close it.
    Close,
}

/// Why a connection takes no more requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was idle for `KEEP_ALIVE_TIMEOUT`.
    Idle,
    /// Another client needs its slot.
    Evicted,
    /// It is older than `MAX_CONNECTION_AGE`.
    Age,
    /// The server ends.
    Draining,
}

/// One connection's state, shared by its socket, its requests and its task.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    signal: Arc<Signal>,
    idle: Arc<Idle>,
    id: u64,
    limits: Connections,
}

#[derive(Debug)]
enum Protocol {
    /// This many bytes have come, all of them of HTTP/2's preface.
    Unknown(usize),
    Http1,
    Http2(Streams),
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    /// Requests from their complete head to the end of their answer's body.
    requests: usize,
    /// Bodies of answers that have handed over bytes and have not been asked for more since.
    handed_over: usize,
    /// HTTP/1: the end of an answer's body has been handed over and is not in the socket yet.
    unflushed: bool,
    /// The last read found nothing.
    is_read_empty: bool,
    /// When it was accepted, or was last in use. `None` while it is in use.
    idle_since: Option<Instant>,
    /// When the first byte of a head came that is not complete.
    head_since: Option<Instant>,
    /// The time under which it is registered as idle.
    registered: Option<Instant>,
    retires_at: Option<Instant>,
    retiring: Option<Retiring>,
    window: Window,
    /// Bytes written to the socket.
    written: u64,
    /// The time until which the connection's task sleeps. `None` is no limit.
    asleep_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Retiring {
    reason: Reason,
    since: Instant,
    is_told: bool,
}

/// The time over which the rate of a reader is measured. It passes only while the reader keeps the server waiting.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// Bytes that had arrived when it began.
    arrived: u64,
    /// Time that has passed of it, without that since `since`.
    passed: Duration,
    /// The time from which bytes have been waiting to be sent.
    since: Option<Instant>,
}

impl Activity {
    /// A connection that has just been accepted. It retires after `max_age`, if there is one.
    pub(super) fn new(limits: Connections, idle: Arc<Idle>, max_age: Option<Duration>) -> Self {
        let now = Instant::now();
        let state = State {
            protocol: Protocol::Unknown(0),
            requests: 0,
            handed_over: 0,
            unflushed: false,
            is_read_empty: false,
            idle_since: Some(now),
            head_since: None,
            registered: None,
            retires_at: max_age.map(|age| now + age),
            retiring: None,
            window: Window::default(),
            written: 0,
            asleep_until: Some(now),
        };
        let id = idle.next_id();
        Self(Arc::new(Shared { state: Mutex::new(state), signal: Arc::default(), idle, id, limits }))
    }

    /// Changes the state and what follows from it, and wakes the connection's task if it would sleep too long.
    fn change<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let Shared { state, signal, idle, id, limits } = &*self.0;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let result = change(&mut state, now);
        state.settle(now);
        let registered = state.idle_since.filter(|_| state.is_read_empty && state.retiring.is_none());
        if registered != state.registered {
            if let Some(since) = std::mem::replace(&mut state.registered, registered) {
                idle.remove((since, *id));
            }
            if let Some(since) = registered {
                idle.insert((since, *id), signal);
            }
        }
        if let Some((next, _)) = state.plan(limits)
            && state.asleep_until.is_none_or(|until| next < until)
        {
            // One wake-up is enough until the task calls `step`.
            state.asleep_until = Some(next);
            signal.changed.notify_one();
        }
        result
    }

    /// Returns the next step.
    pub(super) fn step(&self) -> Step {
        if self.0.signal.is_evicted() {
            self.retire(Reason::Evicted);
        }
        self.change(|state, now| {
            let step = match state.plan(&self.0.limits) {
                Some((at, step)) if at <= now => step,
                plan => Step::Wait(plan.map(|(at, _)| at)),
            };
            if let Step::Retire = step {
                let reason = if state.retires_at.is_some_and(|at| at <= now) { Reason::Age } else { Reason::Idle };
                state.retiring.get_or_insert(Retiring { reason, since: now, is_told: false }).is_told = true;
            }
            if let Step::Wait(until) = step {
                state.asleep_until = until;
            }
            step
        })
    }

    /// Waits until the last result of [`Activity::step`] may be out of date.
    pub(super) async fn changed(&self) {
        self.0.signal.changed.notified().await;
    }

    /// Begins to retire the connection, which then takes no more requests.
    pub(super) fn retire(&self, reason: Reason) {
        self.change(|state, now| {
            state.retiring.get_or_insert(Retiring { reason, since: now, is_told: false });
        });
    }

    pub(super) fn is_retiring(&self) -> bool {
        self.change(|state, _| state.retiring.is_some())
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.0.signal.is_evicted()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.change(|state, _| state.idle_since.is_some())
    }

    pub(super) fn is_http2(&self) -> bool {
        self.change(|state, _| matches!(state.protocol, Protocol::Http2(_)))
    }

    /// Records that the connection is closed.
    pub(super) fn close(&self) {
        self.change(|state, _| state.is_read_empty = false);
    }

    /// Records that a request's head is complete. The request is in progress until the returned value is dropped.
    pub(super) fn begin(&self) -> Answering {
        self.change(|state, _| {
            state.requests += 1;
            if let Protocol::Unknown(_) | Protocol::Http1 = state.protocol {
                state.head_since = None;
            }
        });
        Answering(self.clone())
    }

    /// Measures the reader's rate at the end of a window, and returns whether it is high enough. `waiting` is the
    /// number of written bytes that wait in the socket.
    pub(super) fn measure(&self, waiting: u64) -> bool {
        let limits = &self.0.limits;
        self.change(|state, now| {
            let arrived = state.written.saturating_sub(waiting);
            let progress = u128::from(arrived.saturating_sub(state.window.arrived));
            state.window = Window { arrived, passed: Duration::ZERO, since: Some(now) };
            progress * 1000 >= u128::from(limits.min_send_rate) * limits.send_timeout.as_millis()
        })
    }

    /// Records a read. An empty one means that no bytes were available.
    pub(super) fn has_read(&self, bytes: &[u8]) {
        self.change(|state, now| {
            state.is_read_empty = bytes.is_empty();
            if !bytes.is_empty() {
                state.read(bytes, now);
            }
        });
    }

    /// Records bytes that have been written to the socket. Returns the number of HTTP/2 streams refused among them.
    pub(super) fn has_written<'a>(&self, bytes: impl Iterator<Item = &'a [u8]>) -> u64 {
        self.change(|state, _| {
            let mut refused = 0;
            for bytes in bytes {
                state.written += bytes.len() as u64;
                if let Protocol::Http2(streams) = &mut state.protocol {
                    refused += streams.written(bytes);
                }
            }
            refused
        })
    }

    /// Records that hyper has written everything to the socket.
    pub(super) fn has_flushed(&self) {
        self.change(|state, _| state.unflushed = false);
    }

    /// Records that the body of an answer has handed over bytes, or waits for its source again.
    pub(super) fn hands_over(&self, bytes: bool) {
        self.change(|state, _| if bytes { state.handed_over += 1 } else { state.handed_over -= 1 });
    }

    /// Records that the body of an answer has ended.
    pub(super) fn has_ended(&self) {
        self.change(|state, _| state.unflushed = true);
    }
}

impl State {
    fn read(&mut self, mut bytes: &[u8], now: Instant) {
        if let Protocol::Unknown(seen) = self.protocol {
            let compared = bytes.len().min(PREFACE.len() - seen);
            if bytes[..compared] != PREFACE[seen..][..compared] {
                self.protocol = Protocol::Http1;
            } else if seen + compared == PREFACE.len() {
                bytes = &bytes[compared..];
                self.head_since = None;
                self.protocol = Protocol::Http2(Streams::new());
            } else {
                self.protocol = Protocol::Unknown(seen + compared);
            }
        }
        let is_in_use = self.is_in_use();
        match &mut self.protocol {
            // On HTTP/2, bytes do not mean that a request has begun: PING and WINDOW_UPDATE arrive on idle connections.
            Protocol::Http2(streams) => {
                streams.read(bytes);
                self.head_since = streams.is_in_head().then(|| self.head_since.unwrap_or(now));
            }
            Protocol::Unknown(_) | Protocol::Http1 if !is_in_use => {
                self.head_since.get_or_insert(now);
            }
            Protocol::Unknown(_) | Protocol::Http1 => {}
        }
    }

    fn is_in_use(&self) -> bool {
        self.requests > 0
            || match &self.protocol {
                Protocol::Http2(streams) => streams.open() > 0,
                Protocol::Unknown(_) | Protocol::Http1 => self.unflushed,
            }
    }

    /// Whether bytes of an answer wait for the client to take those before them.
    fn has_to_send(&self) -> bool {
        self.handed_over > 0
            || match &self.protocol {
                Protocol::Http2(streams) => streams.open() > self.requests,
                Protocol::Unknown(_) | Protocol::Http1 => self.unflushed,
            }
    }

    fn settle(&mut self, now: Instant) {
        if self.is_in_use() || self.head_since.is_some() {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(now);
            self.window = Window { arrived: self.written, ..Window::default() };
        }
        match (self.has_to_send(), self.window.since) {
            (true, None) => self.window.since = Some(now),
            (false, Some(since)) => {
                self.window.passed += now - since;
                self.window.since = None;
            }
            _ => {}
        }
    }

    /// The next step and its time, if nothing changes before.
    fn plan(&self, limits: &Connections) -> Option<(Instant, Step)> {
        let head = self.head_since.map(|since| (since + limits.header_timeout, Step::Close));
        let rate = self.window.since.map(|since| {
            let left = limits.send_timeout.saturating_sub(self.window.passed);
            (since + left, Step::Measure)
        });
        let end = match self.retiring {
            Some(retiring) if !retiring.is_told => Some((retiring.since, Step::Retire)),
            Some(retiring) => self.end(retiring, limits).map(|at| (at, Step::Close)),
            None => {
                let idle = self.idle_since.map(|since| since + limits.keep_alive_timeout);
                idle.into_iter().chain(self.retires_at).min().map(|at| (at, Step::Retire))
            }
        };
        [head, rate, end].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The time at which a retiring connection is closed. Nothing that its client does postpones it.
    fn end(&self, retiring: Retiring, limits: &Connections) -> Option<Instant> {
        let Some(idle_since) = self.idle_since else {
            // `accept::serve` bounds the time of a draining server.
            return (retiring.reason != Reason::Draining).then(|| retiring.since + limits.shutdown_timeout);
        };
        let lingers =
            matches!(self.protocol, Protocol::Http2(_)) || matches!(retiring.reason, Reason::Age | Reason::Draining);
        Some(retiring.since.max(idle_since) + if lingers { LINGER } else { Duration::ZERO })
    }
}

/// Held while a request is in progress.
#[derive(Debug)]
pub(super) struct Answering(Activity);

impl Answering {
    pub(super) fn activity(&self) -> &Activity {
        &self.0
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.change(|state, _| state.requests -= 1);
    }
}

#[cfg(test)]
mod tests;
