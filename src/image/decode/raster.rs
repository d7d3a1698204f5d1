//! PNG, BMP and TIFF, through the `image` crate.

use ::image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::timed::Timed;
use super::{Size, fill_with_zeros};
use crate::error::Error;
use crate::image::preprocess::CHANNELS;
use crate::stop::Stop;

/// The most bytes a pixel takes while it is decoded: four 16-bit channels, twice.
const MAX_BYTES_PER_PIXEL: u64 = 16;

/// The most bytes for all that is no pixel: a colour profile is packed, and may unpack to anything.
const MAX_METADATA: u64 = 4 << 20;

pub(super) fn decode(
    file: &[u8],
    format: ImageFormat,
    max_pixels: u64,
    stop: &Stop,
    pixels: &mut Vec<u8>,
) -> Result<Size, Error> {
    let stated =
        if format == ImageFormat::Png { png_size(file)?.check(max_pixels)?.pixels() as u64 } else { max_pixels };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(stated.saturating_mul(MAX_BYTES_PER_PIXEL) + MAX_METADATA);
    let mut reader = ImageReader::with_format(Timed::new(file, stop), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(to_error)?;
    let (width, height) = decoder.dimensions();
    let size = Size { width, height }.check(max_pixels)?;
    let colours = decoder.color_type();
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| Error::Internal)?;
    // Zeros, since a BMP may leave pixels out.
    fill_with_zeros(pixels, bytes.max(size.pixels() * CHANNELS));
    decoder.read_image(&mut pixels[..bytes]).map_err(to_error)?;
    // A transparent value among the gray ones has become alpha; for Pillow it is gray still.
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

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn to_error(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(_) => Error::UnsupportedImage,
        _ => Error::DamagedImage,
    }
}

/// Pillow's `convert("RGB")`: gray is repeated, alpha is dropped (not blended), and of 16 bits the
/// upper 8 are kept. But gray of 16 bits without alpha, a mode of its own (`I;16`), is cut off at 255.
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

/// Makes `count` triples, from the beginning of `pixels`, of as many values of `BYTES` that are there.
fn in_place<const BYTES: usize>(pixels: &mut [u8], count: usize, rgb: impl Fn([u8; BYTES]) -> [u8; CHANNELS]) {
    let mut convert = |index: usize| {
        let mut value = [0; BYTES];
        value.copy_from_slice(&pixels[index * BYTES..][..BYTES]);
        pixels[index * CHANNELS..][..CHANNELS].copy_from_slice(&rgb(value));
    };
    // In the order in which nothing is written over before it is read.
    if BYTES < CHANNELS { (0..count).rev().for_each(&mut convert) } else { (0..count).for_each(&mut convert) }
}

/// By the bit depth and the colour type of the header (PNG, section 11.2.1).
fn is_gray16(file: &[u8]) -> bool {
    file.get(24..26) == Some(&[16, 0])
}

/// A value of 16 bits in the machine's own order, cut off at 255.
fn clipped(value: [u8; 2]) -> u8 {
    u8::try_from(u16::from_ne_bytes(value)).unwrap_or(u8::MAX)
}

fn upper(value: [u8; 2]) -> u8 {
    u16::from_ne_bytes(value).to_be_bytes()[0]
}
