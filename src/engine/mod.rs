//! Admission, deadlines, and the compute pool: a picture in, an analysis out.
//!
//! A request takes a place or is refused at once; there are as many places as there are workers and
//! room in the queue. Whoever has a place gets an answer before the deadline, or the error that says
//! there was none. A worker leaves alone what nobody waits for any more.

pub mod base64;
pub mod json;
mod payload;
mod pool;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};

use crate::error::{Error, StartError};
use crate::model::Prediction;
use crate::stop::Stop;

pub use payload::Payload;
use pool::{Job, Pool};
pub use worker::{ANSWERS, Decoding, Pipeline};

/// What a worker does with a request. One value a worker, so it may keep buffers.
pub trait Work: Send + 'static {
    /// Analyses `payload`. Asks `stop` between its stages whether to go on.
    ///
    /// # Errors
    /// Whatever is wrong with the payload, or what [`Stop::check`] gave.
    fn run(&mut self, payload: &Payload, stop: &Stop) -> Result<Analysis, Error>;

    /// Makes the worker as new after a panic, whose traces it may bear.
    ///
    /// # Errors
    /// A sentence, where that can't be done now.
    fn renew(&mut self) -> Result<(), StartError> {
        Ok(())
    }
}

/// An answer, and the time it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The most probable labels, highest first.
    pub predictions: Vec<Prediction>,
    /// Where the time went.
    pub timings: Timings,
}

/// Where a request's time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a worker.
    pub queue: Duration,
    /// Base64 and image decoding.
    pub decode: Duration,
    /// Resizing and scaling.
    pub resize: Duration,
    /// The model.
    pub inference: Duration,
}

/// The limits of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that may wait while every worker is busy.
    pub queue_depth: usize,
    /// The longest that a request may wait and be worked on, together.
    pub timeout: Duration,
}

/// The workers and the queue in front of them.
#[derive(Debug)]
pub struct Engine {
    pool: Pool,
    places: Arc<Semaphore>,
    /// Places in all.
    capacity: usize,
    timeout: Duration,
}

impl Engine {
    /// An engine with a thread for each of `workers`.
    ///
    /// # Errors
    /// A sentence, where there is no worker or the system refuses a thread.
    pub fn new<W: Work>(workers: Vec<W>, limits: Limits) -> Result<Self, StartError> {
        let capacity = workers.len() + limits.queue_depth;
        let places = Arc::new(Semaphore::new(capacity));
        Ok(Self { pool: Pool::new(workers)?, places, capacity, timeout: limits.timeout })
    }

    /// Whether every worker is taken and the queue full: whoever comes now would be refused.
    pub fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Requests that wait for a worker.
    pub fn waiting(&self) -> usize {
        let taken = self.capacity - self.places.available_permits();
        taken.saturating_sub(self.pool.size())
    }

    /// Whether every worker is there.
    pub fn is_whole(&self) -> bool {
        self.pool.is_whole()
    }

    /// Waits until no worker is at work any more, as long as `patience` lasts; whether it is so. There may be work that
    /// nobody waits for: ONNX Runtime must not be gone, as it is at the end of the process, while a worker runs it.
    pub async fn rest(&self, patience: Duration) -> bool {
        let all = u32::try_from(self.capacity).unwrap_or(u32::MAX);
        tokio::time::timeout(patience, self.places.acquire_many(all)).await.is_ok()
    }

    /// Analyses a picture. To drop the future is to leave: work that has not begun is then not done.
    ///
    /// # Errors
    /// [`Error::Busy`] at once where there is no place; [`Error::DeadlineExceeded`];
    /// [`Error::Internal`] where the worker panicked; and what is wrong with the picture.
    pub async fn analyze(&self, payload: Payload) -> Result<Analysis, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let admitted = Instant::now();
        let deadline = admitted + self.timeout;
        let (stop, _waiting) = Stop::while_waiting(deadline);
        let (reply, answer) = oneshot::channel();
        self.pool.submit(Job { payload, stop, reply, place });
        let mut analysis = match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(Error::Internal),
            Err(_) => return Err(Error::DeadlineExceeded),
        };
        let worked = analysis.timings.decode + analysis.timings.resize + analysis.timings.inference;
        analysis.timings.queue = admitted.elapsed().saturating_sub(worked);
        Ok(analysis)
    }
}

#[cfg(test)]
mod tests;
