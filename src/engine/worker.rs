//! The stages that an input goes through, in their order.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{ArcArray, Ix4};

use super::kept::{KeptMemory, Share};
use super::payload::Buffers;
use super::{Analysis, Input, Output, Payload, Stage, Terms, Timings, Work};
use crate::error::{Error, StartError};
use crate::image::{Decoder, Format, Limits, Picture};
use crate::memory;
use crate::model::{Classifier, Model};
use crate::stop::Stop;

/// The limits on a picture, and how exactly it is decoded.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most pixels that a picture may have.
    pub max_pixels: u64,
    /// The most bytes that decoding and resizing a picture may take.
    pub max_picture_bytes: u64,
    /// The most bytes that a compressed payload may inflate to.
    pub max_payload_bytes: usize,
    /// Whether large JPEG files may be decoded reduced: see [`Decoder::decode`].
    pub reduces_jpeg: bool,
    /// The program that decodes in a process of its own: see [`Decoder::isolating`].
    pub decoder: Option<PathBuf>,
    /// The memory that all workers may keep together from input to input.
    pub kept: KeptMemory,
}

/// What runs one model: its decoder, which knows what the resize will take, and its classifier.
#[derive(Debug)]
struct Pipeline {
    decoder: Decoder,
    classifier: Classifier,
}

/// The memory between the stages. It is kept from input to input.
#[derive(Debug, Default)]
struct Kept {
    buffers: Buffers,
    pixels: Vec<u8>,
}

/// The pipeline of one thread.
#[derive(Debug)]
pub struct Worker {
    settings: Settings,
    pipeline: Pipeline,
    kept: Kept,
    share: Share,
}

impl Pipeline {
    fn new(model: Arc<Model>, settings: &Settings) -> Self {
        let Settings { max_pixels, max_picture_bytes, .. } = *settings;
        let resize_bytes = model.metadata().input.bytes_per_side();
        let limits = Limits { max_pixels, max_bytes: max_picture_bytes, resize_bytes, copies: 1 };
        let decoder = Decoder::new(limits);
        let decoder = match &settings.decoder {
            Some(program) => decoder.isolating(program.clone()),
            None => decoder,
        };
        Self { decoder, classifier: Classifier::new(model) }
    }

    fn model(&self) -> &Arc<Model> {
        self.classifier.model()
    }

    fn analyze(
        &mut self,
        input: &Input,
        output: Output,
        settings: &Settings,
        kept: &mut Kept,
        stop: &Stop,
    ) -> Result<Analysis, Error> {
        let mut timings = Timings::default();
        match input {
            Input::Picture(payload) => {
                let decoded = timings.measure(Stage::Decode, || self.decode(payload, settings, kept, stop))?;
                stop.check()?;
                if let Some(picture) = decoded {
                    timings.measure(Stage::Resize, || self.classifier.read(&mut kept.pixels, picture, stop))?;
                    stop.check()?;
                }
                timings.measure(Stage::Inference, || self.classifier.run_explained(output.explained()))?;
            }
            Input::Tensor(tensor) => {
                let values = self.values(tensor)?;
                timings.measure(Stage::Inference, || self.classifier.run_on(values))?;
            }
        }
        Ok(self.analysis(output, timings))
    }

    /// Decodes a picture to pixels, or makes the model's input of it at once: then there are none.
    fn decode(
        &mut self,
        payload: &Payload,
        settings: &Settings,
        kept: &mut Kept,
        stop: &Stop,
    ) -> Result<Option<Picture>, Error> {
        let file = payload.open(&mut kept.buffers, settings.max_payload_bytes, stop)?;
        let format = Format::of(file.bytes).or_else(|error| file.named.ok_or(error))?;
        let reduces = settings.reduces_jpeg && format == Format::Jpeg;
        if reduces && self.classifier.shrink(file.bytes, self.decoder.limits(), stop)? {
            return Ok(None);
        }
        let detail = self.model().metadata().input.detail().filter(|_| reduces);
        self.decoder.decode_as(format, file.bytes, detail, stop, &mut kept.pixels).map(Some)
    }

    fn analysis(&self, output: Output, timings: Timings) -> Analysis {
        match output {
            Output::Labels(count) | Output::Explained(count) => {
                Analysis { predictions: self.classifier.top(count), probabilities: Vec::new(), timings }
            }
            Output::Probabilities => {
                Analysis { predictions: Vec::new(), probabilities: self.classifier.probabilities().to_vec(), timings }
            }
        }
    }

    /// The values of a tensor for the model, as they are.
    fn values<'t>(&self, tensor: &'t ArcArray<f32, Ix4>) -> Result<&'t [f32], Error> {
        let expected = self.classifier.model().metadata().input.shape();
        let values = tensor.as_slice().filter(|_| tensor.shape() == expected);
        let values = values.ok_or_else(|| Error::WrongShape { expected, actual: tensor.shape().to_vec() })?;
        if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(Error::NotFinite) }
    }
}

impl Worker {
    /// A worker that runs `model`.
    pub fn new(model: Arc<Model>, settings: Settings) -> Self {
        let (pipeline, share) = (Pipeline::new(model, &settings), settings.kept.share());
        Self { settings, pipeline, kept: Kept::default(), share }
    }

    /// Bytes of the buffers.
    fn held(&self) -> usize {
        let Kept { buffers, pixels } = &self.kept;
        buffers.held() + memory::held(pixels) + self.pipeline.classifier.held()
    }

    /// Keeps the buffers if there is room for them within the bound of all workers.
    fn keep_or_release(&mut self) {
        let held = self.held();
        if !self.share.set(held) {
            self.release();
        }
    }

    fn release(&mut self) {
        self.kept = Kept::default();
        self.pipeline.classifier.release();
    }
}

impl Work for Worker {
    fn renew(&mut self) -> Result<(), StartError> {
        // The buffers and the decoder. The model is not written to after it has been loaded, and a panic in Rust leaves
        // nothing behind in ONNX Runtime.
        *self = Self::new(self.pipeline.model().clone(), self.settings.clone());
        Ok(())
    }

    fn run(&mut self, input: &Input, terms: &Terms, stop: &Stop) -> Result<Analysis, Error> {
        let Self { settings, pipeline, kept, .. } = self;
        let result = match &terms.model {
            // The request came before the swap that this worker knows of, or after one that it does not know of yet.
            Some(model) if !Arc::ptr_eq(model, pipeline.model()) => {
                Pipeline::new(model.clone(), settings).analyze(input, terms.output, settings, kept, stop)
            }
            _ => pipeline.analyze(input, terms.output, settings, kept, stop),
        };
        self.keep_or_release();
        result
    }

    fn give_back(&mut self) {
        self.release();
        self.share.set(0);
        self.pipeline.decoder.give_back();
        self.pipeline.model().give_back();
    }

    fn adopt(&mut self, model: &Arc<Model>) {
        if !Arc::ptr_eq(model, self.pipeline.model()) {
            self.pipeline = Pipeline::new(model.clone(), &self.settings);
        }
    }
}
