//! SIGTERM and SIGINT.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::StartError;

/// The signals that tell the server to end.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Receives them from this call on, in place of what they do by themselves.
    pub(super) fn listen() -> Result<Self, StartError> {
        let listen =
            |kind| signal(kind).map_err(|error| StartError::new(format!("Signals can't be received: {error}.")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Done when the next one comes.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
