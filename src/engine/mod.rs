//! Admission, deadlines and the compute pool: inputs in, analyses out.
//!
//! A request takes a permit for each of its inputs or is refused at once. There are as many permits as there are workers
//! and places in the queue. An admitted request is answered before its deadline, or with the error that says it was
//! missed. A worker skips inputs that nobody waits for.

pub mod base64;
mod form;
mod inflate;
pub mod json;
mod payload;
mod pool;
mod timings;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::Array4;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, StartError};
use crate::model::Prediction;
use crate::stop::{Stop, Waiting};

pub use inflate::Coding;
pub use payload::{Buffers, Payload};
use pool::{Job, Pool};
pub use timings::{Stage, Timings};
pub use worker::{Settings, Worker};

/// What is analyzed.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A picture, as the request carries it.
    Picture(Payload),
    /// The model's input itself: one picture, in the layout that the model describes.
    Tensor(Array4<f32>),
}

impl From<Payload> for Input {
    fn from(payload: Payload) -> Self {
        Self::Picture(payload)
    }
}

impl From<Array4<f32>> for Input {
    fn from(tensor: Array4<f32>) -> Self {
        Self::Tensor(tensor)
    }
}

/// The work on an input. Each worker thread owns one value, which may keep buffers.
pub trait Work: Send + 'static {
    /// Analyses `input` and gives the `labels` most probable labels. Asks `stop` between its steps.
    ///
    /// # Errors
    /// An error of the input, or what [`Stop::check`] returned.
    fn run(&mut self, input: &Input, labels: usize, stop: &Stop) -> Result<Analysis, Error>;

    /// Replaces the state that a panic may have left undefined.
    ///
    /// # Errors
    /// A sentence if that is not possible now. The engine tries again.
    fn renew(&mut self) -> Result<(), StartError> {
        Ok(())
    }
}

/// The labels of an input, and the time that each stage took.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The most probable labels, highest first.
    pub predictions: Vec<Prediction>,
    /// The time that each stage took.
    pub timings: Timings,
}

/// The limits of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Inputs that may wait while every worker is busy.
    pub queue_depth: usize,
    /// The longest that a request may wait and be worked on, together.
    pub timeout: Duration,
}

/// The workers and the queue in front of them.
#[derive(Debug)]
pub struct Engine {
    pool: Pool,
    permits: Arc<Semaphore>,
    /// Permits in all: one a worker and one a place in the queue.
    capacity: usize,
    timeout: Duration,
}

impl Engine {
    /// An engine with a thread for each of `workers`.
    ///
    /// # Errors
    /// A sentence, where there is no worker or the system refuses a thread.
    pub fn new<W: Work>(workers: Vec<W>, limits: Capacity) -> Result<Self, StartError> {
        let capacity = workers.len() + limits.queue_depth;
        let permits = Arc::new(Semaphore::new(capacity));
        Ok(Self { pool: Pool::new(workers)?, permits, capacity, timeout: limits.timeout })
    }

    /// Whether every permit is taken, so that a further request would be refused.
    pub fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// Inputs that wait for a worker.
    pub fn waiting(&self) -> usize {
        let taken = self.capacity - self.permits.available_permits();
        taken.saturating_sub(self.pool.size())
    }

    /// The longest that a request may wait and be worked on, together.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether every worker is available. One that has panicked is missing until it is renewed.
    pub fn is_whole(&self) -> bool {
        self.pool.is_whole()
    }

    /// Waits up to `patience` for running work to finish and returns whether it did. Call before exiting: unloading
    /// ONNX Runtime under a running session is undefined.
    pub async fn rest(&self, patience: Duration) -> bool {
        let all = u32::try_from(self.capacity).unwrap_or(u32::MAX);
        tokio::time::timeout(patience, self.permits.acquire_many(all)).await.is_ok()
    }

    /// Analyses one input and gives its `labels` most probable labels. Work that has not begun when the future is
    /// dropped is not done.
    ///
    /// # Errors
    /// [`Error::Busy`] at once if there is no permit; [`Error::DeadlineExceeded`]; [`Error::Internal`] if the worker
    /// panicked; an error of the input.
    pub async fn analyze(&self, input: impl Into<Input>, labels: usize) -> Result<Analysis, Error> {
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        self.submit(input.into(), labels, permit, Instant::now()).result().await
    }

    /// Analyses several inputs, which are admitted all at once or not at all. Each has its own result, in the order of
    /// `inputs`; all share one deadline.
    ///
    /// # Errors
    /// [`Error::TooManyInputs`] if there are more inputs than permits, [`Error::Busy`] if too few permits are free.
    pub async fn analyze_all(&self, inputs: Vec<Input>, labels: usize) -> Result<Vec<Result<Analysis, Error>>, Error> {
        if inputs.len() > self.capacity {
            return Err(Error::TooManyInputs { limit: self.capacity });
        }
        let count = u32::try_from(inputs.len()).map_err(|_| Error::TooManyInputs { limit: self.capacity })?;
        let mut permits = self.permits.clone().try_acquire_many_owned(count).map_err(|_| Error::Busy)?;
        let admitted = Instant::now();
        let pending: Vec<Pending> = inputs
            .into_iter()
            .filter_map(|input| permits.split(1).map(|permit| self.submit(input, labels, permit, admitted)))
            .collect();
        let mut results = Vec::with_capacity(pending.len());
        for pending in pending {
            results.push(pending.result().await);
        }
        Ok(results)
    }

    fn submit(&self, input: Input, labels: usize, permit: OwnedSemaphorePermit, admitted: Instant) -> Pending {
        let deadline = admitted + self.timeout;
        let (stop, waiting) = Stop::while_waiting(deadline);
        let (sender, reply) = oneshot::channel();
        self.pool.submit(Job { input, labels, stop, reply: sender, permit });
        Pending { admitted, deadline, reply, _waiting: waiting }
    }
}

/// An input that has been admitted.
struct Pending {
    admitted: Instant,
    deadline: Instant,
    reply: oneshot::Receiver<Result<Analysis, Error>>,
    _waiting: Waiting,
}

impl Pending {
    async fn result(self) -> Result<Analysis, Error> {
        let mut analysis = match tokio::time::timeout_at(self.deadline.into(), self.reply).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(Error::Internal),
            Err(_) => return Err(Error::DeadlineExceeded),
        };
        let worked = analysis.timings.total();
        analysis.timings.set(Stage::Queue, self.admitted.elapsed().saturating_sub(worked));
        Ok(analysis)
    }
}

#[cfg(test)]
mod tests;
