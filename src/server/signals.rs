//! SIGTERM and SIGINT with the phases that they begin, and SIGHUP.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::lifecycle::{Lifecycle, Phase};
use crate::error::StartError;

/// The signals that tell the server to end.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// The signal that tells the server to look at its files anew: SIGHUP.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Replaces the default action of the signal, which ends the process, from this call on.
    ///
    /// # Errors
    /// A sentence, where the system refuses.
    pub fn listen() -> Result<Self, StartError> {
        listen(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next signal. Several that come before this is called are one.
    pub async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}

fn listen(kind: SignalKind) -> Result<Signal, StartError> {
    signal(kind).map_err(|error| StartError::new(format!("Signals can't be received: {error}.")))
}

impl Signals {
    /// Replaces the default action of both signals from this call on.
    ///
    /// # Errors
    /// A sentence, where the system refuses.
    pub fn listen() -> Result<Self, StartError> {
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Takes the server through its last phases at the first signal. Returns at the second.
pub async fn shut_down(signals: &mut Signals, lifecycle: &Lifecycle, delay: Duration) {
    signals.next().await;
    notify(NotifyState::Stopping);
    lifecycle.advance(Phase::Leaving);
    tracing::info!("stopping: not ready any more");
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = signals.next() => return,
    }
    tracing::info!("stopping: no new connections, the accepted requests are finished");
    lifecycle.advance(Phase::Draining);
    signals.next().await;
}

/// Tells the service manager that the server is ready. Does nothing without a service manager.
pub fn ready() {
    notify(NotifyState::Ready);
}

/// Tells the service manager (systemd's `NOTIFY_SOCKET`), if there is one.
///
/// On a thread of its own: sending blocks while the socket's queue is full, and a manager that reads no messages
/// must not stop the server.
fn notify(state: NotifyState<'static>) {
    let tell = move || {
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!("the service manager can't be told: {error}");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("notify".into()).spawn(tell) {
        tracing::warn!("the service manager can't be told: {error}");
    }
}
