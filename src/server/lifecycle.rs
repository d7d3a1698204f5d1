//! The phases of a server's life, which other parts can read and wait for.

use std::sync::Arc;

use tokio::sync::watch;

/// A phase of a server's life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The server takes requests.
    Serving,
    /// The server takes requests, and `/readyz` answers 503.
    Leaving,
    /// The server accepts no further connections and finishes the accepted ones.
    Draining,
}

/// One server's phase, shared by its parts.
#[derive(Clone, Debug)]
pub struct Lifecycle(Arc<watch::Sender<Phase>>);

impl Lifecycle {
    /// The life of a server that serves.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Serving)))
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let is_later = phase > *now;
            *now = phase.max(*now);
            is_later
        });
    }

    /// Waits until another phase has begun.
    pub async fn changed(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().changed().await;
    }

    /// Waits until `phase` has begun.
    pub async fn reached(&self, phase: Phase) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}
