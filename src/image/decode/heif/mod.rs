//! HEIC and AVIF: pictures compressed with HEVC or AV1 in a HEIF container (ISO/IEC 23008-12).
//!
//! The brands in the first box tell that a file is one of both. Which of them it is, is told by the item that it shows.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "byte strings, which name the kinds of boxes, are references")]

mod av1;
mod av1_decoder;
mod av1_mosaic;
mod av1_stream;
mod boxes;
mod container;
#[cfg(feature = "heic")]
mod geometry;
#[cfg(feature = "heic")]
mod hevc;
#[cfg(feature = "heic")]
mod hevc_chroma;
#[cfg(feature = "heic")]
mod hevc_colours;
#[cfg(feature = "heic")]
mod hevc_stream;
mod items;
mod track;
mod yuv;
mod yuv_alpha;
mod yuv_float;
mod yuv_integer;

use super::limits::Source;
use crate::error::Error;
use crate::image::Picture;
use container::Codec;

/// The primary picture, or the first one of a sequence. Exif's orientation has no effect: the container states its own
/// (ISO/IEC 23008-12, annex A.2.3).
pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Picture, Error> {
    let coded = container::read(source)?;
    source.check(coded.canvas)?;
    match coded.codec {
        #[cfg(feature = "heic")]
        Codec::Hevc => hevc::decode(source, &coded, pixels),
        #[cfg(not(feature = "heic"))]
        Codec::Hevc => Err(Error::UnsupportedImage { kind: "HEIC" }),
        Codec::Av1 => av1::decode(source, &coded, pixels),
    }
}

#[cfg(test)]
mod av1_tests;
#[cfg(test)]
mod tests;
