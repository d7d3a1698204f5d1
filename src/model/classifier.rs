//! A model, and the state of one thread that runs it.

use std::sync::Arc;

use super::session::SharedSession;
use super::{Activation, Metadata, ModelSource, Outputs, Prediction, Runtime};
use crate::error::{Error, StartError};
use crate::image::{Area, Limits, Picture, Preprocessor};
use crate::memory;
use crate::stop::Stop;

/// The tolerance on outputs outside of 0 to 1, and on their sum. Rounding errors are smaller, also in 8-bit models.
const TOLERANCE: f32 = 0.01;

/// A loaded model: the graph with its weights, and its description. It exists once and is shared by all threads.
#[derive(Debug)]
pub struct Model {
    session: SharedSession,
    metadata: Arc<Metadata>,
    /// Dropped last.
    _memory: GiveBack,
}

/// Returns free memory to the system when it is dropped.
#[derive(Debug)]
struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        memory::give_back();
    }
}

impl Model {
    /// Loads the model from `source` and runs it once, on an input of zeros: dimensions that the graph leaves open are known
    /// only after a run.
    ///
    /// # Errors
    /// A sentence, where the file can't be read, is no model, does not describe itself, has another shape than it describes,
    /// or does not answer with probabilities.
    pub fn load(runtime: &Runtime, source: &ModelSource) -> Result<Arc<Self>, StartError> {
        let file = source.read()?;
        let (session, metadata) =
            SharedSession::start(runtime, &file).map_err(|reason| source.refuse(&reason.to_string()))?;
        source.done(file);
        let model = Arc::new(Self { session, metadata: Arc::new(metadata), _memory: GiveBack });
        model.try_out().map_err(|reason| source.refuse(&reason))?;
        Ok(model)
    }

    /// The model's description of itself.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// Gives back the memory that runs at the same time have taken; the first call after them does. It runs the model once more.
    pub fn give_back(&self) {
        // The log has the cause of a failure, and the next run meets it again.
        let _ = self.session.give_back();
    }

    fn try_out(self: &Arc<Self>) -> Result<(), String> {
        let mut classifier = Classifier::new(self.clone());
        let labels = self.metadata.labels.len();
        let run = classifier.run_explained(1);
        let sum: f32 = classifier.probabilities.iter().sum();
        match run {
            Err(Error::OutOfMemory) => Err("there is no memory to run it".to_owned()),
            Err(_) => Err(format!("it does not answer an input of zeros with {labels} probabilities, one a label")),
            Ok(()) if self.metadata.output == Outputs::Softmax && (sum - 1.0).abs() > TOLERANCE => {
                Err(format!("the sum of its outputs is {sum} for an input of zeros: they are not probabilities"))
            }
            Ok(()) => Ok(()),
        }
    }
}

/// The state of one thread that runs a model: the preprocessing, and the buffers for input and output.
///
/// To serve another model, a worker replaces its classifier by one on that model.
#[derive(Debug)]
pub struct Classifier {
    model: Arc<Model>,
    preprocessor: Preprocessor,
    /// Empty until it is needed.
    input: Vec<f32>,
    /// The part of the picture that the input shows.
    window: Area,
    probabilities: Vec<f32>,
    /// The class activation maps of the last run, those of the most probable labels, one after the other.
    maps: Vec<f32>,
}

impl Classifier {
    /// A classifier on `model` with buffers of its own.
    pub fn new(model: Arc<Model>) -> Self {
        let Metadata { input, labels, .. } = &*model.metadata;
        Self {
            preprocessor: Preprocessor::new(input),
            input: Vec::new(),
            window: Area::WHOLE,
            probabilities: vec![0.0; labels.len()],
            maps: Vec::new(),
            model,
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Makes the input of `pixels`, which a decoder wrote for `picture`. The pixels may be changed.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    ///
    /// # Panics
    /// Panics if `pixels` does not fit `picture`: a fault of the decoder.
    pub fn read(&mut self, pixels: &mut [u8], picture: Picture, stop: &Stop) -> Result<(), Error> {
        self.provide_input()?;
        self.window = self.model.metadata.input.area(picture.size.turned(picture.orientation));
        self.preprocessor.fill(pixels, picture, &mut self.input, stop)
    }

    /// Makes the input of a large JPEG `file`, and returns whether it could: see [`Preprocessor::shrink`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    pub fn shrink(&mut self, file: &[u8], limits: &Limits, stop: &Stop) -> Result<bool, Error> {
        self.provide_input()?;
        let Some(size) = self.preprocessor.shrink(file, limits, &mut self.input, stop)? else { return Ok(false) };
        self.window = self.model.metadata.input.area(size);
        Ok(true)
    }

    /// Makes the input, of zeros, if there is none.
    fn provide_input(&mut self) -> Result<(), Error> {
        memory::resize(&mut self.input, self.model.metadata.input.values())
    }

    /// Runs the model on the input that [`read`](Self::read) has made, or on zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Internal`] if ONNX Runtime fails or an output is not a
    /// probability. The log has the cause.
    pub fn run(&mut self) -> Result<(), Error> {
        self.run_explained(0)
    }

    /// The same, with the class activation maps of the `count` most probable labels, as far as the model has maps and labels.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_explained(&mut self, count: usize) -> Result<(), Error> {
        let Metadata { labels, activation, .. } = &*self.model.metadata;
        let values = activation.map_or(0, |size| size.values() * count.min(labels.len()));
        memory::resize(&mut self.maps, values)?;
        self.provide_input()?;
        self.model.session.run(&self.input, &mut self.probabilities, &mut self.maps)?;
        check(&self.probabilities)
    }

    /// Runs the model on these values instead: a tensor of the shape [`Preprocess::shape`](crate::image::Preprocess::shape),
    /// finite and scaled.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_on(&mut self, values: &[f32]) -> Result<(), Error> {
        self.maps.clear();
        self.model.session.run(values, &mut self.probabilities, &mut self.maps)?;
        check(&self.probabilities)
    }

    /// The `count` most probable labels of the input that [`read`](Self::read) has made, highest first.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn classify(&mut self, count: usize) -> Result<Vec<Prediction>, Error> {
        self.run()?;
        Ok(self.top(count))
    }

    /// The probability of each label after the last run, in the model's order.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// The `count` most probable labels of the last run, highest first, with the maps that it was asked for.
    pub fn top(&self, count: usize) -> Vec<Prediction> {
        let Metadata { labels, activation, .. } = &*self.model.metadata;
        let mut top = labels.top(&self.probabilities, count);
        if let Some(size) = activation {
            for (prediction, values) in top.iter_mut().zip(self.maps.chunks_exact(size.values())) {
                prediction.activation = Some(Activation::new(*size, values, self.window));
            }
        }
        top
    }

    /// Bytes that the buffers take.
    pub fn held(&self) -> usize {
        self.preprocessor.held() + memory::held(&self.input) + memory::held(&self.maps)
    }

    /// Gives these buffers back.
    pub fn release(&mut self) {
        self.preprocessor = Preprocessor::new(&self.model.metadata.input);
        self.input = Vec::new();
        self.maps = Vec::new();
    }
}

fn check(probabilities: &[f32]) -> Result<(), Error> {
    let range = -TOLERANCE..=1.0 + TOLERANCE;
    // A range contains no NaN.
    if let Some(value) = probabilities.iter().find(|value| !range.contains(value)) {
        tracing::error!(%value, "the model answers with a value that is not a probability");
        return Err(Error::Internal);
    }
    Ok(())
}
