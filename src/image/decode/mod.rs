//! From the bytes of an image file to RGB pixels, as Pillow's `convert("RGB")` gives them.
//!
//! The format is told by the file's first bytes. Only TGA has none of its own, and is decoded where the caller names it
//! ([`Decoder::decode_as`]). Width and height are read from the header and checked
//! against the limit before memory for the pixels is taken. The memory itself may be refused ([`crate::memory`]).
//!
//! The crates `image`, `png` and `tiff` abort the process if the system refuses them memory. Their allocations are limited
//! where they offer a limit, and probed for just before they begin. libjpeg-turbo and libwebp report a refusal, and `gif`
//! allocates no memory that grows with the picture.

mod cost;
mod gif;
mod jpeg;
mod limits;
mod png;
mod pnm;
mod qoi;
mod raster;
mod tga;
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
        Format::of(file).and_then(|format| self.decode_as(format, file, shorter_side, stop, pixels))
    }

    /// Decodes a file as one of this format, whatever its first bytes are; else as [`decode`](Self::decode) does.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_as(
        &mut self,
        format: Format,
        file: &[u8],
        shorter_side: Option<u32>,
        stop: &Stop,
        pixels: &mut Vec<u8>,
    ) -> Result<Picture, Error> {
        // Some decoders panic on unforeseen files. None keeps state from file to file.
        let decoding = AssertUnwindSafe(|| self.decode_any(file, format, shorter_side, stop, pixels));
        let decoded = catch_unwind(decoding).unwrap_or(Err(Error::DamagedImage));
        // A decoder that was stopped reports a damaged file.
        decoded.map_err(|error| stop.check().err().unwrap_or(error))
    }

    fn decode_any(
        &mut self,
        file: &[u8],
        format: Format,
        shorter_side: Option<u32>,
        stop: &Stop,
        pixels: &mut Vec<u8>,
    ) -> Result<Picture, Error> {
        let source = Source { file, limits: self.limits, stop };
        let mut reduction = 1;
        let size = match format {
            Format::Jpeg => {
                let size;
                (size, reduction) = jpeg::decode(&source, shorter_side, pixels)?;
                size
            }
            Format::Gif => gif::decode(&source, &mut self.gif_indices, pixels)?,
            Format::WebP => webp::decode(&source, pixels)?,
            Format::Tiff => tiff::decode_any(&source, pixels)?,
            Format::Png => png::decode(&source, pixels)?,
            Format::Pnm => pnm::decode(&source, pixels)?,
            Format::Qoi => qoi::decode(&source, pixels)?,
            Format::Tga => tga::decode(&source, pixels)?,
            Format::Bmp => raster::decode(&source, ImageFormat::Bmp, pixels)?,
        };
        Ok(Picture { size, reduction, orientation: Orientation::read(file) })
    }
}

#[cfg(test)]
mod tests;
