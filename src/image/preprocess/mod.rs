//! From a picture's pixels to a model's input, as the model describes it: window, filter, order of colours, scaling.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod filter;
mod gray;
mod passes;
mod plan;
mod resize;
mod sampling;
mod scalar;
mod settings;
mod tensor;
mod window;

use super::dct::Shrinker;
use super::{Limits, Picture, Size};
use crate::error::Error;
use crate::stop::Stop;

pub use filter::Filter;
pub(super) use filter::{PRECISION, Weights};
pub(crate) use plan::{Goal, Plan, Stored};
pub use resize::Resizer;
pub(crate) use resize::transpose;
pub use sampling::Interpolation;
use sampling::Sampler;
pub use settings::{Colours, Layout, Preprocess, Resample};
use tensor::Scaling;
pub use window::{Area, Window};

/// Makes a model's input of pictures. The buffers are kept from picture to picture.
#[derive(Debug)]
pub struct Preprocessor {
    resize: Resize,
    /// For the resizes that it can do.
    shrinker: Option<Box<Shrinker>>,
    is_gray: bool,
    scaling: Scaling,
}

#[derive(Debug)]
enum Resize {
    Pillow(Resizer),
    TensorFlow(Sampler),
}

impl Preprocessor {
    /// A preprocessor for the input that `input` describes.
    pub fn new(input: &Preprocess) -> Self {
        let resize = match input.resample {
            Resample::Pillow(filter) => Resize::Pillow(Resizer::new(input.size(), input.window, filter)),
            Resample::TensorFlow(how) => Resize::TensorFlow(Sampler::new(input.size(), input.window, how)),
        };
        let is_gray = input.colours == Colours::Gray;
        let shrinker = match input.resample {
            Resample::Pillow(filter) if filter != Filter::Nearest && !is_gray => {
                let goal = Goal { target: input.size(), window: input.window, filter };
                Some(Box::new(Shrinker::new(goal)))
            }
            _ => None,
        };
        Self { resize, shrinker, is_gray, scaling: Scaling::new(input) }
    }

    /// Writes `pixels`, the RGB triples that a decoder wrote for `picture`, to `tensor`, whose length is
    /// [`Preprocess::values`]. The pixels may be changed.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    ///
    /// # Panics
    /// Panics if `pixels` does not fit `picture`, or `tensor` the model: a fault of the caller.
    pub fn fill(&mut self, pixels: &mut [u8], picture: Picture, tensor: &mut [f32], stop: &Stop) -> Result<(), Error> {
        if self.is_gray {
            gray::to_gray(pixels, stop)?;
        }
        match &mut self.resize {
            Resize::Pillow(resizer) => self.scaling.apply(resizer.resize(pixels, picture, stop)?, tensor),
            Resize::TensorFlow(sampler) => self.scaling.apply_to_floats(sampler.resize(pixels, picture, stop)?, tensor),
        }
        Ok(())
    }

    /// Writes a JPEG file that is much larger than the input to `tensor`, without decoding it to pixels: faster than a decoder,
    /// and nearly the same. Returns the size of the upright picture. Where there is none, the file must be decoded: it is not a
    /// usual one, not large, damaged, or over `limits`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    ///
    /// # Panics
    /// Panics if `tensor` does not fit the model: a fault of the caller.
    pub fn shrink(
        &mut self,
        file: &[u8],
        limits: &Limits,
        tensor: &mut [f32],
        stop: &Stop,
    ) -> Result<Option<Size>, Error> {
        let Some(shrinker) = &mut self.shrinker else { return Ok(None) };
        let Some((pixels, size)) = shrinker.shrink(file, limits, stop)? else { return Ok(None) };
        self.scaling.apply(pixels, tensor);
        Ok(Some(size))
    }

    /// Bytes that the buffers take.
    pub fn held(&self) -> usize {
        let shrinker = self.shrinker.as_deref().map_or(0, Shrinker::held);
        shrinker
            + match &self.resize {
                Resize::Pillow(resizer) => resizer.held(),
                Resize::TensorFlow(sampler) => sampler.held(),
            }
    }
}
