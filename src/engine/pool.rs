//! The compute threads: one worker a thread, with buffers of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Analysis, Input, Stage, Terms, Work};
use crate::error::{Error, StartError};
use crate::memory;
use crate::model::Model;
use crate::stop::Stop;

/// The wait before a worker that could not be renewed is tried again.
const RENEWAL: Duration = Duration::from_secs(1);

type Workers = Arc<[Mutex<Box<dyn Work>>]>;

/// An admitted input, and the channel for its result.
pub(super) struct Job {
    pub(super) input: Input,
    pub(super) terms: Terms,
    pub(super) admitted: Instant,
    pub(super) stop: Stop,
    pub(super) reply: oneshot::Sender<Result<Analysis, Error>>,
    /// Returned when the work is done.
    pub(super) permit: OwnedSemaphorePermit,
}

/// Threads that take jobs first come, first served.
pub(super) struct Pool {
    threads: ThreadPool,
    workers: Workers,
    /// Workers that have panicked and have not been renewed yet.
    missing: Arc<AtomicUsize>,
    /// Jobs and tasks that have been handed to a thread.
    submitted: AtomicU64,
    /// Notified with each of them.
    worked: Notify,
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
        Ok(Self { threads, workers, missing: Arc::default(), submitted: AtomicU64::new(0), worked: Notify::new() })
    }

    /// The number of workers.
    pub(super) fn size(&self) -> usize {
        self.workers.len()
    }

    /// Whether no worker is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.missing.load(Ordering::Relaxed) == 0
    }

    /// Hands a job to the next idle thread.
    pub(super) fn submit(&self, job: Job) {
        let (workers, missing) = (self.workers.clone(), self.missing.clone());
        self.spawn(move || {
            let mut worker = own(&workers);
            if job.run(worker.as_mut()) == Outcome::Panicked {
                missing.fetch_add(1, Ordering::Relaxed);
                renew(worker.as_mut());
                missing.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }

    /// Has every worker take `model`, each on its own thread as soon as that is idle.
    pub(super) fn adopt(&self, model: &Arc<Model>) {
        let (workers, model) = (self.workers.clone(), model.clone());
        self.threads.spawn_broadcast(move |_| {
            // The panic hook has logged a panic, and the worker's next input meets it again.
            let _ = catch_unwind(AssertUnwindSafe(|| own(&workers).adopt(&model)));
        });
    }

    /// Hands work that needs no worker to the next idle thread. A panic ends the work alone; the panic hook has logged it.
    pub(super) fn submit_task(&self, work: impl FnOnce() + Send + 'static) {
        self.spawn(move || drop(catch_unwind(AssertUnwindSafe(work))));
    }

    /// Jobs and tasks that have been handed to a thread since the start.
    pub(super) fn submitted(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed)
    }

    /// Waits for a job or a task that has come since the last call.
    pub(super) async fn worked(&self) {
        self.worked.notified().await;
    }

    /// Has every worker give back its memory, each on its own thread as soon as that is idle; the last one returns what is free to
    /// the system.
    pub(super) fn give_back(&self) {
        let (workers, left) = (self.workers.clone(), AtomicUsize::new(self.size()));
        self.threads.spawn_broadcast(move |_| {
            let _ = catch_unwind(AssertUnwindSafe(|| own(&workers).give_back()));
            memory::give_back_of_thread();
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                memory::give_back();
            }
        });
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        self.worked.notify_one();
        let (span, trace) = (tracing::Span::current(), Context::current());
        let queue = Stage::Queue.span();
        self.threads.spawn_fifo(move || {
            drop(queue);
            // Log lines of the work and of its panics carry the request's id. Its stages belong to the trace.
            let _entered = span.enter();
            let _traced = trace.attach();
            work();
        });
    }

    /// Waits until every worker has taken the models that it was given.
    pub(super) async fn rest(&self) {
        let idle = Arc::new(Semaphore::new(0));
        let said = idle.clone();
        self.threads.spawn_broadcast(move |_| said.add_permits(1));
        let all = u32::try_from(self.size()).unwrap_or(u32::MAX);
        // It is never closed.
        let _ = idle.acquire_many(all).await;
    }
}

/// The worker of this thread. A thread takes only its own worker, so the lock is free.
fn own(workers: &Workers) -> MutexGuard<'_, Box<dyn Work>> {
    let thread = rayon::current_thread_index().unwrap_or(0);
    workers[thread].lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Done,
    Panicked,
}

impl Job {
    fn run(self, worker: &mut dyn Work) -> Outcome {
        let Self { input, terms, admitted, stop, reply, permit } = self;
        let queue = admitted.elapsed();
        let mut outcome = Outcome::Done;
        let result = stop.check().and_then(|()| {
            let work = AssertUnwindSafe(|| worker.run(&input, &terms, &stop));
            catch_unwind(work).unwrap_or_else(|_| {
                outcome = Outcome::Panicked;
                Err(Error::Internal)
            })
        });
        let result = result.map(|mut analysis| {
            analysis.timings.set(Stage::Queue, queue);
            analysis
        });
        // The input returns its memory and the permit its place before the answer can bring the next request. A model whose
        // last request this is goes as well.
        drop(input);
        drop(terms);
        drop(permit);
        // The receiver is gone if the client has left.
        let _ = reply.send(result);
        outcome
    }
}

/// Renews a worker that has panicked. Tries until it succeeds, since the state after a panic is undefined.
fn renew(worker: &mut dyn Work) {
    loop {
        match catch_unwind(AssertUnwindSafe(|| worker.renew())) {
            Ok(Ok(())) => return tracing::warn!("a worker has panicked and has been replaced"),
            Ok(Err(error)) => tracing::error!("a worker can't be replaced for now: {error}"),
            // The panic hook has logged it.
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
