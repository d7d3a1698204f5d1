//! PNG, BMP and TIFF, through the `image` crate.

use ::image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::tiff;
use super::timed::Timed;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use crate::stop::Stop;

/// Bytes that a pixel takes at most while it is decoded: four 16-bit channels, twice.
const MAX_BYTES_PER_PIXEL: u64 = 16;

/// Bytes that metadata may take in any file. A colour profile is compressed and may inflate to any size.
const METADATA: u64 = 4 << 20;

/// Bytes that metadata may take at most, in a large picture with as much of it in the file.
const MAX_METADATA: u64 = 32 << 20;

/// Rows that the crate `png` holds beside the picture: inflated, unfiltered and expanded.
const PNG_ROWS: usize = 4;

pub(super) fn decode(
    file: &[u8],
    format: ImageFormat,
    max_pixels: u64,
    stop: &Stop,
    pixels: &mut Vec<u8>,
) -> Result<Size, Error> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(if format == ImageFormat::Png {
        let (size, row) = (png_size(file)?.check(max_pixels)?, png_row(file));
        memory::probe(row * PNG_ROWS + usize::try_from(MAX_METADATA).unwrap_or(usize::MAX))?;
        (row * PNG_ROWS) as u64 + png_metadata(size, file.len() as u64)
    } else {
        max_pixels.saturating_mul(MAX_BYTES_PER_PIXEL) + METADATA
    });
    let mut reader = ImageReader::with_format(Timed::new(file, stop), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(to_error)?;
    let (width, height) = decoder.dimensions();
    let size = Size { width, height }.check(max_pixels)?;
    let colours = decoder.color_type();
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| Error::Internal)?;
    // Zeros, since a BMP may leave pixels out.
    memory::zeros(pixels, bytes.max(size.pixels() * CHANNELS))?;
    match format {
        ImageFormat::Tiff => memory::probe(tiff::cost(file, bytes))?,
        // One row, of at most 32 bits a pixel.
        ImageFormat::Bmp => memory::probe(size.width as usize * 4)?,
        _ => {}
    }
    decoder.read_image(&mut pixels[..bytes]).map_err(to_error)?;
    // The decoder expands a transparent gray value to alpha. For Pillow the picture is still gray.
    let is_gray16 = colours == ColorType::L16 || format == ImageFormat::Png && is_gray16(file);
    to_rgb(colours, is_gray16, pixels, size.pixels())?;
    pixels.truncate(size.pixels() * CHANNELS);
    Ok(size)
}

/// The size in a PNG's header (PNG, section 11.2.1), which is its first chunk.
fn png_size(file: &[u8]) -> Result<Size, Error> {
    let number = |at: usize| file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (width, height) = number(16).zip(number(20)).ok_or(Error::DamagedImage)?;
    Ok(Size { width, height })
}

/// Bytes of a row as the decoder writes it: two a sample where the file has 16 bits, else one.
fn png_row(file: &[u8]) -> usize {
    let width = png_size(file).map_or(0, |size| size.width as usize);
    let (depth, colour_type) = (file.get(24).copied(), file.get(25).copied());
    // A transparent colour adds a channel.
    let samples = if matches!(colour_type, Some(0 | 4)) { 2 } else { 4 };
    width.saturating_mul(if depth == Some(16) { samples * 2 } else { samples })
}

/// The limit on metadata, in bytes: text is held twice as it lies in the file, and a profile inflated.
fn png_metadata(size: Size, file: u64) -> u64 {
    let pixels = size.pixels() as u64 * MAX_BYTES_PER_PIXEL;
    METADATA + pixels.min(file * 2).min(MAX_METADATA - METADATA)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn to_error(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(_) => Error::UnsupportedImage,
        _ => Error::DamagedImage,
    }
}

/// Pillow's `convert("RGB")`: gray is repeated, alpha is dropped without blending, and of 16 bits the upper 8 are kept. Gray
/// of 16 bits without alpha is a mode of its own (`I;16`), whose values are cut off at 255.
fn to_rgb(colours: ColorType, is_gray16: bool, pixels: &mut [u8], count: usize) -> Result<(), Error> {
    match colours {
        ColorType::Rgb8 => {}
        ColorType::L8 => in_place(pixels, count, |[gray]| [gray; 3]),
        ColorType::La8 => in_place(pixels, count, |[gray, _]| [gray; 3]),
        ColorType::Rgba8 => in_place(pixels, count, |[red, green, blue, _]| [red, green, blue]),
        ColorType::L16 => in_place(pixels, count, |gray| [clipped(gray); 3]),
        ColorType::La16 if is_gray16 => in_place(pixels, count, |[a, b, _, _]| [clipped([a, b]); 3]),
        ColorType::La16 => in_place(pixels, count, |[a, b, _, _]| [upper([a, b]); 3]),
        ColorType::Rgb16 => in_place(pixels, count, |[a, b, c, d, e, f]| [[a, b], [c, d], [e, f]].map(upper)),
        ColorType::Rgba16 => {
            in_place(pixels, count, |[a, b, c, d, e, f, _, _]| [[a, b], [c, d], [e, f]].map(upper));
        }
        _ => return Err(Error::UnsupportedImage),
    }
    Ok(())
}

/// Converts `count` values of `BYTES` bytes each, from the beginning of `pixels`, to RGB triples.
fn in_place<const BYTES: usize>(pixels: &mut [u8], count: usize, rgb: impl Fn([u8; BYTES]) -> [u8; CHANNELS]) {
    let mut convert = |index: usize| {
        let mut value = [0; BYTES];
        value.copy_from_slice(&pixels[index * BYTES..][..BYTES]);
        pixels[index * CHANNELS..][..CHANNELS].copy_from_slice(&rgb(value));
    };
    // The order in which no value is written over before it is read.
    if BYTES < CHANNELS { (0..count).rev().for_each(&mut convert) } else { (0..count).for_each(&mut convert) }
}

/// Whether the header states a bit depth of 16 and the colour type 0 (PNG, section 11.2.1).
fn is_gray16(file: &[u8]) -> bool {
    file.get(24..26) == Some(&[16, 0])
}

/// A value of 16 bits in the machine's byte order, cut off at 255.
fn clipped(value: [u8; 2]) -> u8 {
    u8::try_from(u16::from_ne_bytes(value)).unwrap_or(u8::MAX)
}

fn upper(value: [u8; 2]) -> u8 {
    u16::from_ne_bytes(value).to_be_bytes()[0]
}
