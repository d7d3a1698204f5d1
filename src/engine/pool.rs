//! The compute threads: one worker a thread, each with its own session and buffers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::OwnedSemaphorePermit;

use super::{Payload, Ticket, Work};
use crate::error::{Error, StartError};

/// Threads that work requests off, first come, first served.
pub(super) struct Pool {
    threads: ThreadPool,
    workers: Arc<[Mutex<Box<dyn Work>>]>,
}

impl Pool {
    pub(super) fn new<W: Work>(workers: Vec<W>) -> Result<Self, StartError> {
        if workers.is_empty() {
            return Err(StartError::new("There must be at least one worker: set WORKERS to 1 or more."));
        }
        let threads = ThreadPoolBuilder::new()
            .num_threads(workers.len())
            .thread_name(|index| format!("worker-{index}"))
            .build()
            .map_err(|error| {
                StartError::new(format!("The system refuses the worker threads ({error}): lower WORKERS."))
            })?;
        let workers = workers.into_iter().map(|worker| Mutex::new(Box::new(worker) as Box<dyn Work>)).collect();
        Ok(Self { threads, workers })
    }

    /// Hands a request to the next idle thread; `place` is given up when it is done with.
    pub(super) fn submit(&self, ticket: Ticket, payload: Payload, place: OwnedSemaphorePermit) {
        let workers = self.workers.clone();
        let span = tracing::Span::current();
        self.threads.spawn_fifo(move || {
            // What is logged on the way, a panic too, belongs to the request.
            let _entered = span.enter();
            let thread = rayon::current_thread_index().unwrap_or(0);
            // A thread only ever takes its own worker, so there is nobody to wait for.
            let mut worker = workers[thread].lock().unwrap_or_else(PoisonError::into_inner);
            let result = ticket.check().and_then(|()| {
                let work = AssertUnwindSafe(|| worker.run(&payload, &ticket));
                catch_unwind(work).unwrap_or(Err(Error::Internal))
            });
            drop(payload);
            drop(place);
            // Nobody is there to read it where the client has left.
            let _ = ticket.reply.send(result);
        });
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pool").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}
