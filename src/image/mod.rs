//! From an image file to the tensor of a model: file -> pixels -> tensor.
//!
//! Everything here gives what Pillow gives, since the model's answer depends on it: the pixels of
//! `Image.open(..)`, upright by `ImageOps.exif_transpose`, through `convert("RGB")` and
//! `resize((width, height))`.

pub mod decode;
mod directory;
pub mod formats;
pub mod orientation;
pub mod preprocess;

pub use decode::{Decoder, Picture, Size};
pub use orientation::Orientation;
pub use preprocess::{Resizer, Scaling};
