//! PNG, BMP and TIFF, through the `image` crate.

use std::time::Instant;

use ::image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::Size;
use super::timed::Timed;
use crate::error::Error;

/// The most bytes a pixel takes while it is decoded: four 16-bit channels, twice.
const MAX_BYTES_PER_PIXEL: u64 = 16;

/// The most bytes for all that is no pixel: a colour profile is packed, and may unpack to anything.
const MAX_METADATA: u64 = 4 << 20;

pub(super) fn decode(
    file: &[u8],
    format: ImageFormat,
    max_pixels: u64,
    deadline: Instant,
    pixels: &mut Vec<u8>,
) -> Result<Size, Error> {
    let stated =
        if format == ImageFormat::Png { png_size(file)?.check(max_pixels)?.pixels() as u64 } else { max_pixels };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(stated.saturating_mul(MAX_BYTES_PER_PIXEL) + MAX_METADATA);
    let mut reader = ImageReader::with_format(Timed::new(file, deadline), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(to_error)?;
    let (width, height) = decoder.dimensions();
    let size = Size { width, height }.check(max_pixels)?;
    match DynamicImage::from_decoder(decoder).map_err(to_error)? {
        // A transparent value among the gray ones has become alpha; for Pillow it is gray still.
        DynamicImage::ImageLumaA16(image) if format == ImageFormat::Png && is_gray16(file) => {
            pixels.clear();
            pixels.extend(image.pixels().flat_map(|pixel| [clipped(pixel.0[0]); 3]));
        }
        image => write_rgb(image, pixels),
    }
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
fn write_rgb(image: DynamicImage, pixels: &mut Vec<u8>) {
    pixels.clear();
    match image {
        DynamicImage::ImageLuma8(image) => pixels.extend(image.as_raw().iter().flat_map(|gray| [*gray; 3])),
        DynamicImage::ImageLumaA8(image) => pixels.extend(image.pixels().flat_map(|pixel| [pixel.0[0]; 3])),
        DynamicImage::ImageRgb8(image) => pixels.extend_from_slice(image.as_raw()),
        DynamicImage::ImageRgba8(image) => {
            pixels.extend(image.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]));
        }
        DynamicImage::ImageLuma16(image) => {
            pixels.extend(image.as_raw().iter().flat_map(|gray| [clipped(*gray); 3]));
        }
        DynamicImage::ImageLumaA16(image) => {
            pixels.extend(image.pixels().flat_map(|pixel| [upper(pixel.0[0]); 3]));
        }
        DynamicImage::ImageRgb16(image) => pixels.extend(image.as_raw().iter().map(|value| upper(*value))),
        DynamicImage::ImageRgba16(image) => {
            pixels.extend(image.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]].map(upper)));
        }
        other => pixels.extend_from_slice(other.into_rgb8().as_raw()),
    }
}

/// By the bit depth and the colour type of the header (PNG, section 11.2.1).
fn is_gray16(file: &[u8]) -> bool {
    file.get(24..26) == Some(&[16, 0])
}

fn clipped(value: u16) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn upper(value: u16) -> u8 {
    value.to_be_bytes()[0]
}
