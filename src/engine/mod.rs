//! Admission, deadlines and the compute pool: inputs in, analyses out.
//!
//! A request takes a permit for each of its inputs or is refused at once. There are as many permits as there are workers
//! and places in the queue. An admitted request is answered before its deadline, or with the error that says it was
//! missed. A worker skips inputs that nobody waits for.
//!
//! A door that must take a body apart before it has inputs does that on a compute thread too ([`Engine::prepare`]).

pub mod base64;
mod form;
mod inflate;
pub mod json;
mod kept;
mod payload;
mod pool;
mod statistics;
mod timings;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{ArcArray, Ix4};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, StartError};
use crate::model::{Model, Prediction};
use crate::stop::{Stop, Waiting};

pub use form::{boundary, files};
pub use inflate::{Coding, inflate};
pub use kept::KeptMemory;
pub use payload::{Buffers, File, Payload};
use pool::{Job, Pool};
pub use statistics::{Count, Statistics, Totals};
pub use timings::{Stage, Timings};
pub use worker::{Settings, Worker};

/// What is analyzed.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A picture, as the request carries it.
    Picture(Payload),
    /// The model's input itself: one picture, scaled, in the layout that the model describes. Several may lie in one array.
    Tensor(ArcArray<f32, Ix4>),
}

/// The labels of an answer that get a map, at most: a map is as long as fifty labels.
pub const MOST_EXPLAINED: usize = 10;

/// What an analysis gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// So many of the most probable labels.
    Labels(usize),
    /// The same, with the class activation maps of the first [`MOST_EXPLAINED`] of them, if the model has maps.
    Explained(usize),
    /// The probabilities of all labels.
    Probabilities,
}

impl Output {
    /// The labels that get a map.
    fn explained(self) -> usize {
        if let Self::Explained(count) = self { count.min(MOST_EXPLAINED) } else { 0 }
    }
}

/// What a caller wants, of which model, and until when.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The model that answers; without one, that of the workers.
    pub model: Option<Arc<Model>>,
    /// What the analysis gives.
    pub output: Output,
    /// The end of the caller's patience.
    pub deadline: Instant,
}

impl Terms {
    /// The terms of a caller who waits a day, for the workers' own model.
    pub fn patient(output: Output) -> Self {
        Self { model: None, output, deadline: Instant::now() + Duration::from_hours(24) }
    }

    /// The same, with `patience` from now on at most.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        let deadline = Instant::now().checked_add(patience).map_or(self.deadline, |at| at.min(self.deadline));
        Self { deadline, ..self }
    }
}

impl From<Payload> for Input {
    fn from(payload: Payload) -> Self {
        Self::Picture(payload)
    }
}

impl From<ArcArray<f32, Ix4>> for Input {
    fn from(tensor: ArcArray<f32, Ix4>) -> Self {
        Self::Tensor(tensor)
    }
}

/// The work on an input. Each worker thread owns one value, which may keep buffers.
pub trait Work: Send + 'static {
    /// Analyses `input` on these terms. Asks `stop` between its steps.
    ///
    /// # Errors
    /// An error of the input, or what [`Stop::check`] returned.
    fn run(&mut self, input: &Input, terms: &Terms, stop: &Stop) -> Result<Analysis, Error>;

    /// Lets go of its model and takes this one.
    fn adopt(&mut self, _model: &Arc<Model>) {}

    /// Gives back the memory that it keeps from input to input.
    fn give_back(&mut self) {}

    /// Replaces the state that a panic may have left undefined.
    ///
    /// # Errors
    /// A sentence if that is not possible now. The engine tries again.
    fn renew(&mut self) -> Result<(), StartError> {
        Ok(())
    }
}

/// The labels of an input, and the time that each stage took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// The most probable labels, highest first, where [`Output::Labels`] or [`Output::Explained`] asks for them.
    pub predictions: Vec<Prediction>,
    /// The probability of each label, in the model's order, where [`Output::Probabilities`] asks for them.
    pub probabilities: Vec<f32>,
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
    statistics: Arc<Statistics>,
}

impl Engine {
    /// An engine with a thread for each of `workers`.
    ///
    /// # Errors
    /// A sentence, where there is no worker or the system refuses a thread.
    pub fn new<W: Work>(workers: Vec<W>, limits: Capacity) -> Result<Self, StartError> {
        let capacity = workers.len() + limits.queue_depth;
        let permits = Arc::new(Semaphore::new(capacity));
        let statistics = Arc::default();
        let pool = Pool::new(workers)?;
        Ok(Self { pool, permits, capacity, timeout: limits.timeout, statistics })
    }

    /// Whether every permit is taken, so that a further request would be refused.
    pub fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// The number of workers.
    pub fn workers(&self) -> usize {
        self.pool.size()
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
        let rest = async {
            let _all = self.permits.acquire_many(all).await;
            self.pool.rest().await;
        };
        tokio::time::timeout(patience, rest).await.is_ok()
    }

    /// Has the workers give back their memory whenever none has had work for the time `rest`, and calls `others`, which do the
    /// same. Never returns. After that it sleeps until there is work.
    pub async fn give_back_after(&self, rest: Duration, others: impl Fn()) {
        loop {
            self.pool.worked().await;
            loop {
                let submitted = self.pool.submitted();
                tokio::time::sleep(rest).await;
                let is_idle = self.permits.available_permits() == self.capacity;
                if is_idle && self.pool.submitted() == submitted {
                    break;
                }
            }
            others();
            self.pool.give_back();
        }
    }

    /// What has been analyzed since the start.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The terms of a request that begins now.
    pub fn terms(&self, output: Output) -> Terms {
        Terms { model: None, output, deadline: Instant::now() + self.timeout }
    }

    /// Has every worker take `model` as its own, each after the inputs that wait before it. An input that asks for another
    /// model is analyzed by that one, before and after.
    pub fn adopt(&self, model: &Arc<Model>) {
        self.pool.adopt(model);
    }

    /// Does work of a door on a compute thread, under a permit. The work asks its [`Stop`] between its steps.
    ///
    /// # Errors
    /// [`Error::Busy`] at once if there is no permit; [`Error::DeadlineExceeded`]; [`Error::Internal`] if the work panicked; an
    /// error of the work.
    pub async fn prepare<T, F>(&self, deadline: Instant, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> Result<T, Error> + Send + 'static,
    {
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        self.work_under(permit, deadline, work).await
    }

    /// The same for work that waits for a permit, until its deadline. Whoever asks for a permit meanwhile without waiting finds
    /// none, so that this is for work that must not be refused.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare), but for [`Error::Busy`].
    pub async fn prepare_in_turn<T, F>(&self, deadline: Instant, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> Result<T, Error> + Send + 'static,
    {
        let permit = tokio::time::timeout_at(deadline.into(), self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| Error::DeadlineExceeded)?.map_err(|_| Error::Internal)?;
        self.work_under(permit, deadline, work).await
    }

    async fn work_under<T, F>(&self, permit: OwnedSemaphorePermit, deadline: Instant, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> Result<T, Error> + Send + 'static,
    {
        let (stop, waiting) = Stop::while_waiting(deadline);
        let (sender, reply) = oneshot::channel();
        self.pool.submit_task(move || {
            let result = stop.check().and_then(|()| work(&stop));
            drop(permit);
            // The receiver is gone if the client has left.
            let _ = sender.send(result);
        });
        let result = wait(deadline, reply).await;
        drop(waiting);
        result
    }

    /// Analyses one input. Work that has not begun when the future is dropped is not done.
    ///
    /// # Errors
    /// [`Error::Busy`] at once if there is no permit; [`Error::DeadlineExceeded`]; [`Error::Internal`] if the worker
    /// panicked; an error of the input.
    pub async fn analyze(&self, input: impl Into<Input>, terms: Terms) -> Result<Analysis, Error> {
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        self.submit(input.into(), terms, permit, Instant::now()).result().await
    }

    /// Analyses several inputs, which are admitted all at once or not at all. Each has its own result, in the order of
    /// `inputs`.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub async fn analyze_all(&self, inputs: Vec<Input>, terms: Terms) -> Result<Vec<Result<Analysis, Error>>, Error> {
        let mut results = Vec::with_capacity(inputs.len());
        for pending in self.admit(inputs, &terms)? {
            results.push(pending.result().await);
        }
        Ok(results)
    }

    /// Admits several inputs, all at once or not at all.
    ///
    /// # Errors
    /// [`Error::TooManyInputs`] if there are more inputs than permits, [`Error::Busy`] if too few permits are free.
    pub fn admit(&self, inputs: Vec<Input>, terms: &Terms) -> Result<Vec<Pending>, Error> {
        let limit = self.capacity;
        let count = u32::try_from(inputs.len()).ok().filter(|_| inputs.len() <= limit);
        let count = count.ok_or(Error::TooManyInputs { limit })?;
        let mut permits = self.permits.clone().try_acquire_many_owned(count).map_err(|_| Error::Busy)?;
        let admitted = Instant::now();
        let submit = |input| permits.split(1).map(|permit| self.submit(input, terms.clone(), permit, admitted));
        Ok(inputs.into_iter().filter_map(submit).collect())
    }

    fn submit(&self, input: Input, terms: Terms, permit: OwnedSemaphorePermit, admitted: Instant) -> Pending {
        let deadline = terms.deadline;
        let (stop, waiting) = Stop::while_waiting(deadline);
        let (sender, reply) = oneshot::channel();
        self.pool.submit(Job { input, terms, admitted, stop, reply: sender, permit });
        Pending { admitted, deadline, reply, statistics: self.statistics.clone(), _waiting: waiting }
    }
}

/// An input that has been admitted. Work that has not begun when it is dropped is not done.
#[derive(Debug)]
pub struct Pending {
    admitted: Instant,
    deadline: Instant,
    reply: oneshot::Receiver<Result<Analysis, Error>>,
    statistics: Arc<Statistics>,
    _waiting: Waiting,
}

impl Pending {
    /// Waits for the analysis.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`]; [`Error::Internal`] if the worker panicked; an error of the input.
    pub async fn result(self) -> Result<Analysis, Error> {
        let result = wait(self.deadline, self.reply).await;
        // Its caller may have awaited another one before.
        let time = result.as_ref().map_or_else(|_| self.admitted.elapsed(), |analysis| analysis.timings.total());
        self.statistics.observe(&result, time);
        result
    }
}

async fn wait<T>(deadline: Instant, reply: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout_at(deadline.into(), reply).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::Internal),
        Err(_) => Err(Error::DeadlineExceeded),
    }
}

#[cfg(test)]
mod tests;
