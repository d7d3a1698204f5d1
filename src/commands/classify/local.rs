//! The engine of this process.

use std::time::Duration;

use super::Answer;
use super::paths::Source;
use super::reader::{Content, Reader};
use crate::commands::serve::workers_of;
use crate::config::{Budgets, Classify};
use crate::engine::{Capacity, Engine, Payload};
use crate::error::{Error, StartError};
use crate::model::Runtime;
use crate::protocol::choice::Choice;

/// Pictures in work for each worker: one is analyzed, one waits for that, one is read.
const EACH: usize = 3;

/// The longest that a picture may wait and be analyzed, behind the two before it.
const PATIENCE: Duration = Duration::from_mins(5);

/// The longest wait for what still runs at the end.
const LAST: Duration = Duration::from_secs(10);

pub(super) struct Local {
    engine: Engine,
    choice: Choice,
    reader: Reader,
}

impl Local {
    /// Loads the model and starts the workers.
    ///
    /// # Errors
    /// A sentence, where ONNX Runtime or the model can't be used, or an option does not fit the model.
    pub(super) fn load(options: &Classify) -> Result<Self, StartError> {
        // A file may be as large as what decoding it may take: uncompressed formats are.
        let budgets = Budgets::new(&options.pipeline, None, options.model.source().length());
        let most = budgets.max_picture_bytes;
        let runtime = Runtime::load(&options.model.library())?;
        let (workers, model) = workers_of(&runtime, &options.model, &options.pipeline, budgets, most)?;
        let choice = Choice::new(options.top_k, options.min_confidence, model.metadata())
            .and_then(|choice| choice.explained(options.explain, model.metadata()))
            .map_err(|error| StartError::new(format!("The option --{error}.").replace('_', "-")))?;
        let capacity = Capacity { queue_depth: workers.len() * (EACH - 1), timeout: PATIENCE };
        Ok(Self { engine: Engine::new(workers, capacity)?, choice, reader: Reader::new(most as u64) })
    }

    pub(super) async fn answer(&self, source: &Source) -> Answer {
        let Content { bytes, room: _room } = self.reader.read(source).await?;
        let payload = Payload::file(bytes).named(source.named());
        let terms = self.engine.terms(self.choice.output());
        let analysis = self.engine.analyze(payload, terms).await.map_err(sentence)?;
        Ok(self.choice.of_all(&analysis.predictions).to_vec())
    }

    pub(super) const fn columns(&self) -> usize {
        self.choice.top_k
    }

    pub(super) fn at_once(&self) -> usize {
        self.engine.workers() * EACH
    }

    /// Waits for what still runs, and returns whether nothing does.
    pub(super) async fn rest(&self) -> bool {
        self.engine.rest(LAST).await
    }
}

/// The sentence of an error. Those of the core that speak of a server have others here.
fn sentence(error: Error) -> String {
    match error {
        Error::OutOfMemory => "There is no memory for this picture now: free some, or use a smaller one".to_owned(),
        Error::DeadlineExceeded => "The analysis took too long: use a smaller picture".to_owned(),
        Error::Internal => "The analysis failed".to_owned(),
        error => error.to_string(),
    }
}
