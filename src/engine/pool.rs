//! The compute threads: one worker a thread, each with its own session and buffers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Analysis, Payload, Work};
use crate::error::{Error, StartError};
use crate::stop::Stop;
use crate::telemetry::traces::TARGET;

/// How long to wait before a worker that could not be renewed is tried again.
const RENEWAL: Duration = Duration::from_secs(1);

/// A picture to analyse, and where its answer goes.
pub(super) struct Job {
    pub(super) payload: Payload,
    pub(super) stop: Stop,
    pub(super) reply: oneshot::Sender<Result<Analysis, Error>>,
    /// Returned when the work is done.
    pub(super) place: OwnedSemaphorePermit,
}

/// Threads that work requests off, first come, first served.
pub(super) struct Pool {
    threads: ThreadPool,
    workers: Arc<[Mutex<Box<dyn Work>>]>,
    /// Workers that have panicked and are not as new yet.
    missing: Arc<AtomicUsize>,
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
        Ok(Self { threads, workers, missing: Arc::default() })
    }

    /// How many workers there are.
    pub(super) fn size(&self) -> usize {
        self.workers.len()
    }

    /// Whether every worker is there.
    pub(super) fn is_whole(&self) -> bool {
        self.missing.load(Ordering::Relaxed) == 0
    }

    /// Hands a job to the next idle thread.
    pub(super) fn submit(&self, job: Job) {
        let Job { payload, stop, reply, place } = job;
        let (workers, missing) = (self.workers.clone(), self.missing.clone());
        let (span, trace) = (tracing::Span::current(), Context::current());
        let queue = tracing::info_span!(target: TARGET, "queue");
        self.threads.spawn_fifo(move || {
            drop(queue);
            // What is logged on the way, a panic too, belongs to the request, and its stages to the trace.
            let _entered = span.enter();
            let _traced = trace.attach();
            let thread = rayon::current_thread_index().unwrap_or(0);
            // A thread only ever takes its own worker, so there is nobody to wait for.
            let mut worker = workers[thread].lock().unwrap_or_else(PoisonError::into_inner);
            let mut has_panicked = false;
            let result = stop.check().and_then(|()| {
                let work = AssertUnwindSafe(|| worker.run(&payload, &stop));
                catch_unwind(work).unwrap_or_else(|_| {
                    has_panicked = true;
                    Err(Error::Internal)
                })
            });
            drop(payload);
            drop(place);
            // Nobody is there to read it where the client has left.
            let _ = reply.send(result);
            if has_panicked {
                missing.fetch_add(1, Ordering::Relaxed);
                renew(worker.as_mut());
                missing.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }
}

/// Keeps at it until the worker is as new: what a panic has left of it is not to be trusted.
fn renew(worker: &mut dyn Work) {
    loop {
        match catch_unwind(AssertUnwindSafe(|| worker.renew())) {
            Ok(Ok(())) => return tracing::warn!("a worker has panicked and has been replaced"),
            Ok(Err(error)) => tracing::error!("a worker can't be replaced for now: {error}"),
            // The log has it already.
            Err(_) => {}
        }
        std::thread::sleep(RENEWAL);
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pool").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}
