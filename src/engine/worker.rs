//! The work itself: the stages that a picture goes through, in their order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::base64;
use super::{Analysis, Payload, Timings, Work};
use crate::error::{Error, StartError};
use crate::image::Decoder;
use crate::memory;
use crate::model::{Classifier, Model};
use crate::stop::Stop;
use crate::telemetry::traces::TARGET;

/// Labels in an answer.
pub const ANSWERS: usize = 3;

/// Buffers larger than this are given back after a request: what one very large picture needed is
/// not kept for ever. Enough for the pixels of a 16-megapixel photograph.
const KEPT_BYTES: usize = 48 << 20;

/// The same for the buffers beside the pixels: CMYK and a GIF's indices, which hardly any photograph has, and what lies
/// between the two passes of a resize, 2 MB for a photograph of 12 megapixels.
const KEPT_BESIDE_BYTES: usize = 4 << 20;

/// How pictures are decoded.
#[derive(Clone, Copy, Debug)]
pub struct Decoding {
    /// The most pixels that a picture may have.
    pub max_pixels: u64,
    /// Whether large JPEG files may be decoded reduced: see [`Decoder::decode`].
    pub reduces_jpeg: bool,
}

/// One worker's stages, with the buffers between them.
#[derive(Debug)]
pub struct Pipeline {
    decoding: Decoding,
    decoder: Decoder,
    classifier: Classifier,
    file: Vec<u8>,
    pixels: Vec<u8>,
}

impl Pipeline {
    /// A worker's stages, with `model` at their end.
    pub fn new(model: Arc<Model>, decoding: Decoding) -> Self {
        Self {
            decoding,
            decoder: Decoder::new(decoding.max_pixels),
            classifier: Classifier::new(model),
            file: Vec::new(),
            pixels: Vec::new(),
        }
    }

    /// The model at their end.
    pub fn model(&self) -> &Arc<Model> {
        self.classifier.model()
    }

    fn release_large_buffers(&mut self) {
        self.decoder.release(KEPT_BESIDE_BYTES);
        self.classifier.release(KEPT_BESIDE_BYTES);
        for buffer in [&mut self.file, &mut self.pixels] {
            memory::release(buffer, KEPT_BYTES);
        }
    }
}

impl Work for Pipeline {
    fn renew(&mut self) -> Result<(), StartError> {
        // The buffers and the decoder. The model is not written to after it has been loaded, and a panic in Rust leaves
        // nothing behind in ONNX Runtime.
        *self = Self::new(self.model().clone(), self.decoding);
        Ok(())
    }

    fn run(&mut self, payload: &Payload, stop: &Stop) -> Result<Analysis, Error> {
        let result = self.analyse(payload, stop);
        self.release_large_buffers();
        result
    }
}

impl Pipeline {
    fn analyse(&mut self, payload: &Payload, stop: &Stop) -> Result<Analysis, Error> {
        let mut clock = Clock::start();
        let span = tracing::info_span!(target: TARGET, "decode").entered();
        let file = match payload {
            Payload::File(file) => file,
            Payload::Base64(text) => {
                let text = std::str::from_utf8(text).map_err(|_| Error::NotBase64)?;
                base64::decode(text, &mut self.file)?;
                &self.file[..]
            }
        };
        let shorter_side = self.classifier.model().metadata().input.shorter_side();
        let detail = self.decoding.reduces_jpeg.then_some(shorter_side);
        let picture = self.decoder.decode(file, detail, stop, &mut self.pixels)?;
        let decode = clock.lap();
        drop(span);
        stop.check()?;
        let span = tracing::info_span!(target: TARGET, "resize").entered();
        self.classifier.read(&self.pixels, picture, stop)?;
        let resize = clock.lap();
        drop(span);
        stop.check()?;
        let _span = tracing::info_span!(target: TARGET, "inference").entered();
        let predictions = self.classifier.classify(ANSWERS)?;
        let inference = clock.lap();
        Ok(Analysis { predictions, timings: Timings { queue: Duration::ZERO, decode, resize, inference } })
    }
}

/// Measures one stage after the other.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the last lap.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.0, now)
    }
}
