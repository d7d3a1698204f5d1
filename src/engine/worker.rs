//! The work itself: the stages that an input goes through, in their order.

use std::sync::Arc;

use ndarray::Array4;

use super::payload::Buffers;
use super::{Analysis, Input, Stage, Timings, Work};
use crate::error::{Error, StartError};
use crate::image::{Decoder, Resizer, Scaling, Size};
use crate::model::{Classifier, Metadata};
use crate::stop::Stop;

/// Buffers larger than this are given back after a request, so that one very large picture does not hold memory for
/// ever. In bytes: the pixels of a 16-megapixel photograph.
const KEPT_BYTES: usize = 48 << 20;

/// The same for what a decoder keeps beside the pixels: CMYK and the indices of a GIF, which few photographs have.
const KEPT_BESIDE_BYTES: usize = 4 << 20;

/// The same for the rows between the two passes of a resize: 2 MB for a photograph of 12 megapixels.
const KEPT_BETWEEN_BYTES: usize = 4 << 20;

/// What a worker may take, and how exact it is.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most pixels that a picture may have.
    pub max_pixels: u64,
    /// The most bytes that a compressed payload may inflate to.
    pub max_payload_bytes: usize,
    /// Whether large JPEG files may be decoded reduced: see [`Decoder::reducing_to`].
    pub reduces_jpeg: bool,
}

/// One thread's decoder and model, with the buffers between them.
#[derive(Debug)]
pub struct Worker {
    settings: Settings,
    decoder: Decoder,
    resizer: Resizer,
    scaling: Scaling,
    classifier: Classifier,
    buffers: Buffers,
    pixels: Vec<u8>,
    tensor: Array4<f32>,
}

impl Worker {
    /// The stages in front of `classifier`.
    pub fn new(classifier: Classifier, settings: Settings) -> Self {
        let input = &classifier.metadata().input;
        let target = Size { width: input.width, height: input.height };
        let decoder = Decoder::new(settings.max_pixels);
        Self {
            settings,
            decoder: if settings.reduces_jpeg { decoder.reducing_to(target) } else { decoder },
            resizer: Resizer::new(target),
            scaling: Scaling::new(input),
            tensor: input.tensor(),
            buffers: Buffers::default(),
            pixels: Vec::new(),
            classifier,
        }
    }

    /// What the model says of itself.
    pub fn model(&self) -> &Arc<Metadata> {
        self.classifier.metadata()
    }

    fn analyze(&mut self, input: &Input, labels: usize, stop: &Stop) -> Result<Analysis, Error> {
        let mut timings = Timings::default();
        let tensor = match input {
            Input::Tensor(tensor) => tensor,
            Input::Picture(payload) => {
                let picture = timings.measure(Stage::Decode, || {
                    let file = payload.open(&mut self.buffers, self.settings.max_payload_bytes, stop)?;
                    self.decoder.decode(file, stop, &mut self.pixels)
                })?;
                stop.check()?;
                timings.measure(Stage::Resize, || {
                    let resized = self.resizer.resize(&self.pixels, picture);
                    self.scaling.apply(resized, &mut self.tensor);
                });
                stop.check()?;
                &self.tensor
            }
        };
        let predictions = timings.measure(Stage::Inference, || self.classifier.classify(tensor, labels))?;
        Ok(Analysis { predictions, timings })
    }

    fn release_large_buffers(&mut self) {
        self.decoder.release(KEPT_BESIDE_BYTES);
        self.resizer.release(KEPT_BETWEEN_BYTES);
        self.buffers.release(KEPT_BYTES);
        if self.pixels.capacity() > KEPT_BYTES {
            self.pixels = Vec::new();
        }
    }
}

impl Work for Worker {
    fn renew(&mut self) -> Result<(), StartError> {
        let classifier = self.classifier.another()?;
        *self = Self::new(classifier, self.settings);
        Ok(())
    }

    fn run(&mut self, input: &Input, labels: usize, stop: &Stop) -> Result<Analysis, Error> {
        let result = self.analyze(input, labels, stop);
        self.release_large_buffers();
        result
    }
}
