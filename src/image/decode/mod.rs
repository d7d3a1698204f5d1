//! From the bytes of an image file to RGB pixels, as Pillow's `convert("RGB")` gives them.
//!
//! The format is told by the file's first bytes, never by a name. Width and height are read from the header and checked
//! against the limit before memory for the pixels is taken. The memory itself may be refused ([`crate::memory`]).
//!
//! The crates `image`, `png` and `tiff` abort the process if the system refuses them memory. Their allocations are limited
//! where they offer a limit, and probed for just before they begin. libjpeg-turbo and libwebp report a refusal, and `gif`
//! allocates no memory that grows with the picture.

mod cost;
mod gif;
mod jpeg;
mod raster;
mod tiff;
mod timed;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::image::ImageFormat;

use super::{Orientation, Picture};
use crate::error::Error;
use crate::memory;
use crate::stop::Stop;

/// Decodes files. The buffers beside the pixels are kept from file to file.
#[derive(Debug)]
pub struct Decoder {
    max_pixels: u64,
    jpeg: jpeg::Decompressor,
    gif_indices: Vec<u8>,
}

impl Decoder {
    /// A decoder that refuses pictures of more than `max_pixels`.
    pub fn new(max_pixels: u64) -> Self {
        Self { max_pixels, jpeg: jpeg::Decompressor::default(), gif_indices: Vec::new() }
    }

    /// Frees buffers of more than `most` bytes.
    pub fn release(&mut self, most: usize) {
        self.jpeg.release(most);
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
    /// [`Error::OutOfMemory`]; what [`Stop::check`] returns; [`Error::Internal`] where a library can't be set up.
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
        let format = sniff(file)?;
        let max_pixels = self.max_pixels;
        let mut reduction = 1;
        let size = match format {
            ImageFormat::Jpeg => {
                let size;
                (size, reduction) = self.jpeg.decode(file, max_pixels, shorter_side, stop, pixels)?;
                size
            }
            ImageFormat::Gif => gif::decode(file, max_pixels, stop, &mut self.gif_indices, pixels)?,
            ImageFormat::WebP => webp::decode(file, max_pixels, stop, pixels)?,
            ImageFormat::Tiff => tiff::decode_any(file, max_pixels, stop, pixels)?,
            ImageFormat::Png | ImageFormat::Bmp => raster::decode(file, format, max_pixels, stop, pixels)?,
            _ => return Err(Error::UnsupportedImage),
        };
        Ok(Picture { size, reduction, orientation: Orientation::read(file) })
    }
}

/// The format that the first bytes name.
fn sniff(file: &[u8]) -> Result<ImageFormat, Error> {
    ::image::guess_format(file).map_err(
        |_| {
            if is_other_image(file) { Error::UnsupportedImage } else { Error::NotAnImage }
        },
    )
}

/// Whether the file has a known format that is not decoded: HEIC and its relatives, JPEG XL, JPEG 2000,
/// SVG, Photoshop.
fn is_other_image(file: &[u8]) -> bool {
    let text = file.trim_ascii_start();
    let starts = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    file.get(4..8) == Some(b"ftyp")
        || starts(&[b"\xff\x0a", b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"8BPS", b"<svg"])
        || (starts(&[b"<?xml"]) && text[..text.len().min(1024)].windows(4).any(|tag| tag == b"<svg"))
}

#[cfg(test)]
mod tests;
