//! The bytes of an image file, to RGB pixels as Pillow's `convert("RGB")` gives them.
//!
//! The format is told by the bytes, never by a name. Width and height are read from the header and
//! held against the limit before memory for the pixels is taken.

mod gif;
mod jpeg;
mod raster;
mod tiff;
mod timed;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::image::ImageFormat;
pub(super) use jpeg::segments as jpeg_segments;

use super::Orientation;
use crate::error::Error;
use crate::stop::Stop;

/// A picture's extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Pixels in all.
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// The size of the upright picture, from that of the stored one; and back.
    #[must_use]
    pub const fn turned(self, orientation: Orientation) -> Self {
        if orientation.transpose { Self { width: self.height, height: self.width } } else { self }
    }

    /// The size in pixels that stand for squares of `reduction` a side each.
    const fn reduced(self, reduction: u32) -> Self {
        Self { width: self.width.div_ceil(reduction), height: self.height.div_ceil(reduction) }
    }

    /// Holds a size from a header against the limit.
    fn check(self, max_pixels: u64) -> Result<Self, Error> {
        let Self { width, height } = self;
        if width == 0 || height == 0 {
            return Err(Error::DamagedImage);
        }
        if u64::from(width) * u64::from(height) > max_pixels {
            return Err(Error::TooManyPixels { width, height, limit: max_pixels });
        }
        Ok(self)
    }
}

/// What a decoded file says of its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The size that the file states.
    pub size: Size,
    /// A decoded pixel stands for a square of so many of the file's a side: 1, 2, 4 or 8.
    pub reduction: u32,
    /// How the pixels are to be turned to stand upright.
    pub orientation: Orientation,
}

impl Picture {
    /// The size of the decoded pixels. Where the reduction does not divide the file's size, the last column or
    /// row is only partly the picture's.
    #[must_use]
    pub const fn decoded(&self) -> Size {
        self.size.reduced(self.reduction)
    }
}

/// Decodes files; keeps what it needs for that from file to file.
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

    /// The same decoder, which gives large JPEG files reduced: by as much as leaves both sides at least
    /// six times `target`'s longer one. That saves time and memory, and the pixels are only nearly those of a full
    /// decode that is then resized.
    #[must_use]
    pub fn reducing_to(self, target: Size) -> Self {
        Self { jpeg: self.jpeg.reducing_to(target.width.max(target.height)), ..self }
    }

    /// Gives back buffers of more than `most` bytes.
    pub fn release(&mut self, most: usize) {
        self.jpeg.release(most);
        if self.gif_indices.capacity() > most {
            self.gif_indices = Vec::new();
        }
    }

    /// Decodes `file` into `pixels`, replacing what was there: RGB triples from the top left, row by
    /// row, as they are stored; as many as [`Picture::decoded`] says. Asks `stop` as it goes.
    ///
    /// # Errors
    /// [`Error::NotAnImage`], [`Error::UnsupportedImage`], [`Error::DamagedImage`],
    /// [`Error::TooManyPixels`]; what [`Stop::check`] returns; [`Error::Internal`] where there is no memory.
    pub fn decode(&mut self, file: &[u8], stop: &Stop, pixels: &mut Vec<u8>) -> Result<Picture, Error> {
        // Not every decoder keeps from panicking at what it did not foresee, and none keeps anything
        // from file to file.
        let decoding = AssertUnwindSafe(|| self.decode_any(file, stop, pixels));
        let decoded = catch_unwind(decoding).unwrap_or(Err(Error::DamagedImage));
        // Decoders that were stopped call the file damaged.
        decoded.map_err(|error| stop.check().err().unwrap_or(error))
    }

    fn decode_any(&mut self, file: &[u8], stop: &Stop, pixels: &mut Vec<u8>) -> Result<Picture, Error> {
        let format = sniff(file)?;
        let max_pixels = self.max_pixels;
        let mut reduction = 1;
        let size = match format {
            ImageFormat::Jpeg => {
                let size;
                (size, reduction) = self.jpeg.decode(file, max_pixels, stop, pixels)?;
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

/// Makes `buffer` so many zeros. What is new comes from the system as zeros, and takes no memory until it is written
/// to: a header that lies costs nothing.
fn fill_with_zeros(buffer: &mut Vec<u8>, length: usize) {
    if buffer.capacity() < length {
        // The old one goes first.
        *buffer = Vec::new();
        *buffer = vec![0; length];
    } else {
        buffer.clear();
        buffer.resize(length, 0);
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

/// Formats that people send and that nothing here reads: HEIC and its kin, JPEG XL, JPEG 2000, SVG,
/// Photoshop.
fn is_other_image(file: &[u8]) -> bool {
    let text = file.trim_ascii_start();
    let starts = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    file.get(4..8) == Some(b"ftyp")
        || starts(&[b"\xff\x0a", b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"8BPS", b"<svg"])
        || (starts(&[b"<?xml"]) && text[..text.len().min(1024)].windows(4).any(|tag| tag == b"<svg"))
}

#[cfg(test)]
mod tests;
