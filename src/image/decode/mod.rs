//! From the bytes of an image file to RGB pixels, as Pillow's `convert("RGB")` gives them.
//!
//! The format is told by the file's first bytes, never by a name. Width and height are read from the header and checked
//! against the limit before memory for the pixels is taken. The memory itself may be refused ([`crate::memory`]).
//!
//! The crates `image` and `png` abort the process if the system refuses them memory. Their allocations are limited where they
//! offer a limit, and probed for just before they begin. libjpeg-turbo, libwebp and zstd report a refusal. The crates `gif`,
//! `flate2`, `weezl` and `fax` allocate no memory that grows with the picture, but for a row.

mod cost;
mod gif;
mod jpeg;
mod limits;
mod raster;
mod tiff;
mod timed;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use limits::{Limits, MAX_SIDE};

use ::image::ImageFormat;

use super::formats::Format;
use super::{Orientation, Picture};
use crate::error::Error;
use crate::memory;
use crate::stop::Stop;
use limits::Source;

/// Decodes files. The buffers beside the pixels are kept from file to file.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    gif_indices: Vec<u8>,
}

impl Decoder {
    /// A decoder that refuses pictures over `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, gif_indices: Vec::new() }
    }

    /// Frees buffers of more than `most` bytes.
    pub fn release(&mut self, most: usize) {
        memory::release(&mut self.gif_indices, most);
    }

    /// Decodes `file` into `pixels`, replacing what was there: RGB triples from the top left, row by row, as they are
    /// stored; as many as [`Picture::decoded`] says. Asks `stop` on the way.
    ///
    /// `shorter_side` is the number of pixels to which the picture's shorter side is resized afterwards
    /// ([`Preprocess::shorter_side`](super::Preprocess::shorter_side)). A JPEG file that has many more is decoded at a half, a
    /// quarter or an eighth of its size, which saves time and memory; the pixels are then only nearly those of a full decode
    /// that is resized. With `None`, every picture is decoded at its full size.
    ///
    /// # Errors
    /// [`Error::NotAnImage`], [`Error::UnsupportedImage`], [`Error::DamagedImage`], [`Error::TooManyPixels`],
    /// [`Error::SideTooLong`], [`Error::TooCostly`], [`Error::OutOfMemory`]; what [`Stop::check`] returns; [`Error::Internal`] where a library can't be set up.
    pub fn decode(
        &mut self,
        file: &[u8],
        shorter_side: Option<u32>,
        stop: &Stop,
        pixels: &mut Vec<u8>,
    ) -> Result<Picture, Error> {
        // Some decoders panic on unforeseen files. None keeps state from file to file.
        let decoding = AssertUnwindSafe(|| self.decode_any(file, shorter_side, stop, pixels));
        let decoded = catch_unwind(decoding).unwrap_or(Err(Error::DamagedImage));
        // A decoder that was stopped reports a damaged file.
        decoded.map_err(|error| stop.check().err().unwrap_or(error))
    }

    fn decode_any(
        &mut self,
        file: &[u8],
        shorter_side: Option<u32>,
        stop: &Stop,
        pixels: &mut Vec<u8>,
    ) -> Result<Picture, Error> {
        let source = Source { file, limits: self.limits, stop };
        let mut reduction = 1;
        let size = match Format::of(file)? {
            Format::Jpeg => {
                let size;
                (size, reduction) = jpeg::decode(&source, shorter_side, pixels)?;
                size
            }
            Format::Gif => gif::decode(&source, &mut self.gif_indices, pixels)?,
            Format::WebP => webp::decode(&source, pixels)?,
            Format::Tiff => tiff::decode(&source, pixels)?,
            Format::Png => raster::decode(&source, ImageFormat::Png, pixels)?,
            Format::Bmp => raster::decode(&source, ImageFormat::Bmp, pixels)?,
        };
        Ok(Picture { size, reduction, orientation: Orientation::read(file) })
    }
}

#[cfg(test)]
mod tests;
