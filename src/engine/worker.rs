//! The work itself: the stages that a picture goes through, in their order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::Array4;

use super::base64;
use super::{Analysis, Payload, Timings, Work};
use crate::error::{Error, StartError};
use crate::image::{Decoder, Resizer, Scaling, Size};
use crate::model::{Classifier, Metadata};
use crate::stop::Stop;
use crate::telemetry::traces::TARGET;

/// Labels in an answer.
pub const ANSWERS: usize = 3;

/// Buffers larger than this are given back after a request: what one very large picture needed is
/// not kept for ever. Enough for the pixels of a 16-megapixel photograph.
const KEPT_BYTES: usize = 48 << 20;

/// The same for what a decoder keeps beside the pixels: CMYK and a GIF's indices, which hardly any photograph has.
const KEPT_BESIDE_BYTES: usize = 4 << 20;

/// The same for what is between the two passes of a resize: 2 MB for a photograph of 12 megapixels.
const KEPT_BETWEEN_BYTES: usize = 4 << 20;

/// How pictures are decoded.
#[derive(Clone, Copy, Debug)]
pub struct Decoding {
    /// The most pixels that a picture may have.
    pub max_pixels: u64,
    /// Whether large JPEG files may be decoded reduced: see [`Decoder::reducing_to`].
    pub reduces_jpeg: bool,
}

/// One worker's stages, with the buffers between them.
#[derive(Debug)]
pub struct Pipeline {
    decoding: Decoding,
    decoder: Decoder,
    resizer: Resizer,
    scaling: Scaling,
    classifier: Classifier,
    file: Vec<u8>,
    pixels: Vec<u8>,
    tensor: Array4<f32>,
}

impl Pipeline {
    /// The stages in front of `classifier`.
    pub fn new(classifier: Classifier, decoding: Decoding) -> Self {
        let input = &classifier.metadata().input;
        let target = Size { width: input.width, height: input.height };
        let decoder = Decoder::new(decoding.max_pixels);
        Self {
            decoding,
            decoder: if decoding.reduces_jpeg { decoder.reducing_to(target) } else { decoder },
            resizer: Resizer::new(target),
            scaling: Scaling::new(input),
            tensor: input.tensor(),
            file: Vec::new(),
            pixels: Vec::new(),
            classifier,
        }
    }

    /// What the model says of itself.
    pub fn model(&self) -> &Arc<Metadata> {
        self.classifier.metadata()
    }

    fn release_large_buffers(&mut self) {
        self.decoder.release(KEPT_BESIDE_BYTES);
        self.resizer.release(KEPT_BETWEEN_BYTES);
        for buffer in [&mut self.file, &mut self.pixels] {
            if buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}

impl Work for Pipeline {
    fn renew(&mut self) -> Result<(), StartError> {
        let classifier = self.classifier.another()?;
        *self = Self::new(classifier, self.decoding);
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
        let picture = self.decoder.decode(file, stop, &mut self.pixels)?;
        let decode = clock.lap();
        drop(span);
        stop.check()?;
        let span = tracing::info_span!(target: TARGET, "resize").entered();
        let resized = self.resizer.resize(&self.pixels, picture);
        self.scaling.apply(resized, &mut self.tensor);
        let resize = clock.lap();
        drop(span);
        stop.check()?;
        let _span = tracing::info_span!(target: TARGET, "inference").entered();
        let predictions = self.classifier.classify(&self.tensor, ANSWERS)?;
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
