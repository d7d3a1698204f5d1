//! From a picture's pixels to a model's input, as the model describes it: window, filter, order of colours, scaling.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod filter;
mod passes;
mod resize;
mod scalar;
mod settings;
mod tensor;
mod window;

use super::Picture;
use crate::error::Error;
use crate::stop::Stop;

pub use filter::Filter;
pub use resize::Resizer;
pub use settings::{Colours, Layout, Preprocess};
use tensor::Scaling;
pub use window::Window;

/// Makes a model's input of pictures. The buffers are kept from picture to picture.
#[derive(Debug)]
pub struct Preprocessor {
    resizer: Resizer,
    scaling: Scaling,
}

impl Preprocessor {
    /// A preprocessor for the input that `input` describes.
    pub fn new(input: &Preprocess) -> Self {
        Self { resizer: Resizer::new(input.size(), input.window, input.filter), scaling: Scaling::new(input) }
    }

    /// Writes `pixels`, the RGB triples that a decoder wrote for `picture`, to `tensor`, whose length is
    /// [`Preprocess::values`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    ///
    /// # Panics
    /// Panics if `pixels` does not fit `picture`, or `tensor` the model: a fault of the caller.
    pub fn fill(&mut self, pixels: &[u8], picture: Picture, tensor: &mut [f32], stop: &Stop) -> Result<(), Error> {
        let resized = self.resizer.resize(pixels, picture, stop)?;
        self.scaling.apply(resized, tensor);
        Ok(())
    }

    /// Gives back buffers of more than `most` bytes.
    pub fn release(&mut self, most: usize) {
        self.resizer.release(most);
    }
}
