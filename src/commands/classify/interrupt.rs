//! Ctrl-C and SIGTERM: the first one ends the run with what was done, and the second one at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::error::StartError;
use crate::server;

/// The time for the run to end after the first signal. Where it is stuck in a read or a write, it is cut off then.
const GRACE: Duration = Duration::from_secs(2);

/// What shells add to the number of the signal that has ended a command.
const SIGNALLED: i32 = 128;

/// The signals that end the run. A thread of their own waits for them, so that they are heard while the run is stuck.
#[derive(Clone)]
pub(super) struct Interrupt {
    /// The exit code; 0 before a signal.
    code: Arc<AtomicI32>,
    came: Arc<Notify>,
}

impl Interrupt {
    /// Replaces the default action of both signals.
    ///
    /// # Errors
    /// A sentence, where the system refuses.
    pub(super) fn listen() -> Result<Self, StartError> {
        let refused = |error: std::io::Error| StartError::new(format!("Signals can't be received: {error}."));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (interrupt, terminate) = {
            let _entered = runtime.enter();
            let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
            (signal(interrupt).map_err(refused)?, signal(terminate).map_err(refused)?)
        };
        let this = Self { code: Arc::default(), came: Arc::default() };
        let waiting = this.clone();
        let wait = move || runtime.block_on(waiting.wait(interrupt, terminate));
        std::thread::Builder::new().name("signals".into()).spawn(wait).map_err(refused)?;
        Ok(this)
    }

    async fn wait(self, mut interrupt: tokio::signal::unix::Signal, mut terminate: tokio::signal::unix::Signal) {
        let mut next = async || {
            let number = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            };
            SIGNALLED + number.as_raw_value()
        };
        let code = next().await;
        self.code.store(code, Ordering::SeqCst);
        self.came.notify_one();
        let _ = tokio::time::timeout(GRACE, next()).await;
        server::exit_now(code);
    }

    /// Waits for a signal.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }

    /// The exit code of a run that a signal has ended.
    pub(super) fn code(&self) -> Option<u8> {
        u8::try_from(self.code.load(Ordering::SeqCst)).ok().filter(|code| *code != 0)
    }
}
