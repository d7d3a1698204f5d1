//! The TIFF files that the `image` crate leaves out: palettes, and gray with further samples.

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::ColorType;
use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;

use super::Size;
use crate::error::Error;

const PHOTOMETRIC: u16 = 262;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;

/// Whether the pixels are indices into a palette.
pub(super) fn has_palette(file: &[u8]) -> bool {
    photometric_value(file).is_some()
}

pub(super) fn decode(file: &[u8], max_pixels: u64, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    // The `tiff` crate refuses a palette, but reads the same numbers where they are called gray.
    let (file, is_palette) = palette_as_gray(file);
    let mut decoder = Decoder::new(Cursor::new(&file[..])).map_err(damaged)?;
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let size = Size { width, height }.check(max_pixels)?;
    let mut limits = Limits::default();
    // The palette counts as well.
    limits.decoding_buffer_size = size.pixels().saturating_mul(2).max(1 << 20);
    decoder = decoder.with_limits(limits);
    let samples = match decoder.colortype().map_err(damaged)? {
        ColorType::Gray(8) => 1,
        ColorType::GrayA(8) | ColorType::Multiband { bit_depth: 8, num_samples: 2 } => 2,
        _ => return Err(Error::UnsupportedImage),
    };
    let palette = if is_palette { Some(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(damaged)?) } else { None };
    let DecodingResult::U8(values) = decoder.read_image().map_err(damaged)? else {
        return Err(Error::UnsupportedImage);
    };
    if values.len() < size.pixels() * samples {
        return Err(Error::DamagedImage);
    }
    let colour = |value: u8| palette.as_deref().map_or([value; 3], |palette| entry(palette, value));
    pixels.clear();
    pixels.extend(values.chunks_exact(samples).take(size.pixels()).flat_map(|sample| colour(sample[0])));
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
fn palette_as_gray(file: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let Some(at) = photometric_value(file) else { return (Cow::Borrowed(file), false) };
    let mut changed = file.to_vec();
    let gray = if file.starts_with(b"II") { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    changed[at..at + 2].copy_from_slice(&gray);
    (Cow::Owned(changed), true)
}

/// Where the first directory says that the file has a palette (TIFF 6.0, sections 2 and 8).
fn photometric_value(file: &[u8]) -> Option<usize> {
    let little = file.starts_with(b"II");
    let short = |at: usize| {
        let bytes: [u8; 2] = file.get(at..at + 2)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let (first, second) = (u32::from(short(at)?), u32::from(short(at + 2)?));
        usize::try_from(if little { second << 16 | first } else { first << 16 | second }).ok()
    };
    let directory = long(4)?;
    let entries = (0..usize::from(short(directory)?)).map(|entry| directory + 2 + entry * 12);
    let mut photometric = entries.filter(|at| short(*at) == Some(PHOTOMETRIC));
    photometric.next().map(|at| at + 8).filter(|at| short(*at) == Some(PALETTE))
}
