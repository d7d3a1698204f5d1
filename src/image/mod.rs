//! From an image file to the input of a model: file -> pixels -> tensor.
//!
//! The result is that of Pillow, on which the model's answer depends: `Image.open`, `ImageOps.exif_transpose`,
//! `convert("RGB")` and `resize`.

mod dct;
pub mod decode;
mod directory;
pub mod formats;
pub mod orientation;
pub mod picture;
pub mod preprocess;
mod segments;

#[cfg(any(test, feature = "fuzzing"))]
pub use dct::{coefficients, plain};
pub use decode::{Decoder, Limits};
pub use formats::{ACCEPTED, FORMATS, Format};
pub use orientation::Orientation;
pub use picture::{Picture, Size};
pub use preprocess::{
    Area, Colours, Filter, Interpolation, Layout, Preprocess, Preprocessor, Resample, Resizer, Window,
};

/// Bytes per decoded pixel: red, green, blue.
pub(crate) const CHANNELS: usize = 3;
