//! From the bytes of an image file to RGB pixels, as Pillow's `convert("RGB")` gives them.
//!
//! The format is told by the file's first bytes. Only TGA has none of its own, and is decoded where the caller names it
//! ([`Decoder::decode_as`]). Width and height are read from the header and checked
//! against the limit before memory for the pixels is taken. The memory itself may be refused ([`crate::memory`]).
//!
//! `png` and `re_rav1d` abort the process if the system refuses them memory: their allocations are limited where they offer a
//! limit, and probed for just before they begin. libjpeg-turbo, libwebp and zstd report a refusal. `flate2`, `weezl`, `fax` and
//! `image` allocate no memory that grows with the picture, but for a row.

mod bmp;
pub mod failures;
mod gif;
mod heif;
mod ico;
pub mod isolated;
mod jpeg;
mod limits;
mod little_endian;
mod png;
mod pnm;
mod qoi;
mod tga;
mod tiff;
mod webp;

use std::path::PathBuf;

pub use limits::{Limits, MAX_SIDE};

use super::formats::Format;
use super::{Orientation, Picture};
use crate::error::Error;
use crate::stop::Stop;
use isolated::Isolated;
use limits::Source;

/// Decodes files.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    isolated: Option<Isolated>,
}

impl Decoder {
    /// A decoder that refuses pictures over `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, isolated: None }
    }

    /// The same, which decodes HEIC and AVIF in a child process: `program` with the argument [`isolated::COMMAND`].
    #[must_use]
    pub fn isolating(self, program: PathBuf) -> Self {
        Self { isolated: Some(Isolated::new(program)), ..self }
    }

    /// The limits on a picture.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Ends the child process, if there is one. The next picture that needs one starts another.
    pub fn give_back(&mut self) {
        if let Some(isolated) = &mut self.isolated {
            isolated.end();
        }
    }

    /// Decodes `file` into `pixels`, replacing what was there: RGB triples from the top left, row by row, as they are
    /// stored; as many as [`Picture::decoded`] says. Asks `stop` on the way.
    ///
    /// `shorter_side` is the number of pixels to which the picture's shorter side is resized afterwards
    /// ([`Preprocess::detail`](super::Preprocess::detail)). A JPEG file that has many more is decoded at a half, a
    /// quarter or an eighth of its size, which saves time and memory; the pixels are then only nearly those of a full decode
    /// that is resized. With `None`, every picture is decoded at its full size.
    ///
    /// # Errors
    /// [`Error::NotAnImage`], [`Error::UnsupportedImage`], [`Error::DamagedImage`], [`Error::TooManyPixels`],
    /// [`Error::SideTooLong`], [`Error::TooCostly`], [`Error::OutOfMemory`]; what [`Stop::check`] returns;
    /// [`Error::Internal`] where a library or a child process can't be set up.
    pub fn decode(
        &mut self,
        file: &[u8],
        shorter_side: Option<u32>,
        stop: &Stop,
        pixels: &mut Vec<u8>,
    ) -> Result<Picture, Error> {
        Format::of(file).and_then(|format| self.decode_as(format, file, shorter_side, stop, pixels))
    }

    /// Decodes a file of this format, whatever its first bytes are. Otherwise the same as [`decode`](Self::decode).
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
        let decoded = failures::guarded(|| self.decode_any(file, format, shorter_side, stop, pixels));
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
            Format::Heif => {
                return match &mut self.isolated {
                    Some(isolated) => isolated.decode(&source, pixels),
                    None => heif::decode(&source, pixels),
                };
            }
            Format::Gif => gif::decode(&source, pixels)?,
            Format::WebP => webp::decode(&source, pixels)?,
            Format::Tiff => tiff::decode(&source, pixels)?,
            Format::Png => png::decode(&source, pixels)?,
            Format::Bmp => bmp::decode(&source, pixels)?,
            Format::Dib => bmp::decode_dib(&source, pixels)?,
            Format::Ico => ico::decode(&source, pixels)?,
            Format::Cur => ico::decode_cursor(&source, pixels)?,
            Format::Pnm => pnm::decode(&source, pixels)?,
            Format::Qoi => qoi::decode(&source, pixels)?,
            Format::Tga => tga::decode(&source, pixels)?,
        };
        Ok(Picture { size, reduction, orientation: Orientation::read(file) })
    }
}

#[cfg(test)]
mod tests;
