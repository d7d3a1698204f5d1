//! TIFF, through the `image` crate, and two kinds that it does not read: palettes, and gray with further samples.

use std::borrow::Cow;

use ::image::ImageFormat;
use ::tiff::ColorType;
use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;

use super::limits::Source;
use super::timed::Timed;
use super::{cost, raster};
use crate::error::Error;
use crate::image::directory::Numbers;
use crate::image::{CHANNELS, Size};
use crate::memory;

const PHOTOMETRIC: u16 = 262;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;

/// Profiles and descriptions, which may have any length and are not read: XMP, IPTC, Photoshop, ICC.
const BLOBS: [u16; 4] = [700, 33723, 34377, 34675];

/// Decodes any TIFF, through the `image` crate where that reads the kind.
pub(super) fn decode_any(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let file = source.file;
    check_lists(file)?;
    let has_palette = photometric_value(file).is_some();
    if !has_palette {
        match raster::decode(source, ImageFormat::Tiff, pixels) {
            Err(Error::UnsupportedImage { .. }) => {}
            decoded => return decoded,
        }
    }
    decode(source, pixels)
}

fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    // The `tiff` crate refuses a palette, but reads the same numbers where they are called gray.
    let (file, is_palette) = palette_as_gray(source.file)?;
    let mut decoder = Decoder::new(Timed::new(&file, source.stop)).map_err(damaged)?;
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let size = source.check(Size { width, height })?;
    let mut limits = Limits::default();
    // The palette counts as well.
    limits.decoding_buffer_size = size.pixels().saturating_mul(2).max(1 << 20);
    decoder = decoder.with_limits(limits);
    let samples = match decoder.colortype().map_err(damaged)? {
        ColorType::Gray(8) => 1,
        ColorType::GrayA(8) | ColorType::Multiband { bit_depth: 8, num_samples: 2 } => 2,
        _ => return Err(Error::UnsupportedImage { kind: "This kind of TIFF" }),
    };
    memory::probe(cost::of_tiff(&file, size.pixels() * samples))?;
    let palette = if is_palette { Some(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(damaged)?) } else { None };
    let DecodingResult::U8(values) = decoder.read_image().map_err(damaged)? else {
        return Err(Error::UnsupportedImage { kind: "This kind of TIFF" });
    };
    if values.len() < size.pixels() * samples {
        return Err(Error::DamagedImage);
    }
    let colour = |value: u8| palette.as_deref().map_or([value; CHANNELS], |palette| entry(palette, value));
    memory::resize(pixels, size.pixels() * CHANNELS)?;
    for (pixel, sample) in pixels.chunks_exact_mut(CHANNELS).zip(values.chunks_exact(samples)) {
        pixel.copy_from_slice(&colour(sample[0]));
    }
    Ok(size)
}

fn damaged(_: ::tiff::TiffError) -> Error {
    Error::DamagedImage
}

/// A palette holds all reds, then all greens, then all blues, of 16 bits each; Pillow keeps 8.
fn entry(palette: &[u16], index: u8) -> [u8; 3] {
    let colours = palette.len() / 3;
    let part = |channel: usize| {
        let value = palette.get(channel * colours + usize::from(index)).filter(|_| usize::from(index) < colours);
        value.map_or(0, |value| value.to_be_bytes()[0])
    };
    [part(0), part(1), part(2)]
}

/// The file with its first directory's palette called gray, and whether there was one.
fn palette_as_gray(file: &[u8]) -> Result<(Cow<'_, [u8]>, bool), Error> {
    let Some(at) = photometric_value(file) else { return Ok((Cow::Borrowed(file), false)) };
    let mut changed = Vec::new();
    memory::reserve(&mut changed, file.len())?;
    changed.extend_from_slice(file);
    let gray = if file.starts_with(b"II") { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    changed[at..at + 2].copy_from_slice(&gray);
    Ok((Cow::Owned(changed), true))
}

/// The place of the value by which the first directory states a palette.
fn photometric_value(file: &[u8]) -> Option<usize> {
    let numbers = Numbers::of(file)?;
    let photometric = numbers.first_directory()?.find(|entry| entry.tag == PHOTOMETRIC)?;
    (numbers.read(photometric.value, 2) == Some(u64::from(PALETTE))).then_some(photometric.value)
}

/// Refuses a first directory whose lists are longer than those of any picture. The decoder reads them whole before anything
/// else.
pub(super) fn check_lists(file: &[u8]) -> Result<(), Error> {
    let numbers = Numbers::of(file).ok_or(Error::DamagedImage)?;
    let mut entries = numbers.first_directory().ok_or(Error::DamagedImage)?;
    if entries.any(|entry| !BLOBS.contains(&entry.tag) && entry.count > cost::MAX_LIST) {
        return Err(Error::DamagedImage);
    }
    Ok(())
}
