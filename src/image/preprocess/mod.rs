//! From a picture's pixels to a model's input: resizing, then scaling.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod filter;
mod resize;
mod scalar;
mod tensor;

pub(crate) use resize::CHANNELS;
pub use resize::Resizer;
pub use tensor::Scaling;
