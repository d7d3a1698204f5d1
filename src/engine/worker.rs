//! The stages that an input goes through, in their order.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{ArcArray, Ix4};

use super::payload::Buffers;
use super::{Analysis, Input, Output, Stage, Timings, Work};
use crate::error::{Error, StartError};
use crate::image::{Decoder, Format, Limits};
use crate::memory;
use crate::model::{Classifier, Model};
use crate::stop::Stop;

/// Buffers larger than this are given back after a request, so that one very large picture does not keep its memory.
/// In bytes: the pixels of a 16-megapixel photograph.
const KEPT_BYTES: usize = 48 << 20;

/// The same for the buffers beside the pixels: CMYK, which few photographs have, and the rows
/// between the two passes of a resize, 2 MB for a photograph of 12 megapixels.
const KEPT_BESIDE_BYTES: usize = 4 << 20;

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
}

/// The decoder and the classifier of one thread, with the buffers between them.
#[derive(Debug)]
pub struct Worker {
    settings: Settings,
    decoder: Decoder,
    classifier: Classifier,
    buffers: Buffers,
    pixels: Vec<u8>,
}

impl Worker {
    /// A worker that runs `model`.
    pub fn new(model: Arc<Model>, settings: Settings) -> Self {
        let Settings { max_pixels, max_picture_bytes, .. } = settings;
        let resize_bytes = model.metadata().input.bytes_per_side();
        let limits = Limits { max_pixels, max_bytes: max_picture_bytes, resize_bytes, copies: 1 };
        let decoder = Decoder::new(limits);
        let decoder = match &settings.decoder {
            Some(program) => decoder.isolating(program.clone()),
            None => decoder,
        };
        Self { settings, decoder, classifier: Classifier::new(model), buffers: Buffers::default(), pixels: Vec::new() }
    }

    fn analyze(&mut self, input: &Input, output: Output, stop: &Stop) -> Result<Analysis, Error> {
        let mut timings = Timings::default();
        match input {
            Input::Picture(payload) => {
                let picture = timings.measure(Stage::Decode, || {
                    let file = payload.open(&mut self.buffers, self.settings.max_payload_bytes, stop)?;
                    let shorter_side = self.classifier.model().metadata().input.shorter_side();
                    let detail = self.settings.reduces_jpeg.then_some(shorter_side);
                    let format = Format::of(file.bytes).or_else(|error| file.named.ok_or(error))?;
                    self.decoder.decode_as(format, file.bytes, detail, stop, &mut self.pixels)
                })?;
                stop.check()?;
                timings.measure(Stage::Resize, || self.classifier.read(&self.pixels, picture, stop))?;
            }
            Input::Tensor(tensor) => {
                let values = self.values(tensor)?;
                return timings
                    .measure(Stage::Inference, || self.classifier.run_on(values))
                    .map(|()| self.analysis(output, timings));
            }
        }
        stop.check()?;
        timings.measure(Stage::Inference, || self.classifier.run())?;
        Ok(self.analysis(output, timings))
    }

    fn analysis(&self, output: Output, timings: Timings) -> Analysis {
        match output {
            Output::Labels(count) => {
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

    fn release_large_buffers(&mut self) {
        self.classifier.release(KEPT_BESIDE_BYTES);
        self.buffers.release(KEPT_BYTES);
        memory::release(&mut self.pixels, KEPT_BYTES);
    }
}

impl Work for Worker {
    fn renew(&mut self) -> Result<(), StartError> {
        // The buffers and the decoder. The model is not written to after it has been loaded, and a panic in Rust leaves
        // nothing behind in ONNX Runtime.
        *self = Self::new(self.classifier.model().clone(), self.settings.clone());
        Ok(())
    }

    fn run(&mut self, input: &Input, output: Output, stop: &Stop) -> Result<Analysis, Error> {
        let result = self.analyze(input, output, stop);
        self.release_large_buffers();
        result
    }
}
