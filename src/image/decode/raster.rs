//! BMP and TIFF, through the `image` crate.

use ::image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::cost;
use super::limits::Source;
use super::timed::Timed;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

pub(super) fn decode(source: &Source<'_>, format: ImageFormat, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let Source { file, limits: ours, stop } = *source;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(ours.max_pixels.saturating_mul(cost::MAX_BYTES_PER_PIXEL).saturating_add(cost::METADATA));
    let mut reader = ImageReader::with_format(Timed::new(file, stop), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(to_error)?;
    let (width, height) = decoder.dimensions();
    let size = source.check(Size { width, height })?;
    let colours = decoder.color_type();
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| Error::Internal)?;
    // Zeros, since a BMP may leave pixels out.
    memory::zeros(pixels, bytes.max(size.pixels() * CHANNELS))?;
    match format {
        ImageFormat::Tiff => memory::probe(cost::of_tiff(file, bytes))?,
        // One row, of at most 32 bits a pixel.
        ImageFormat::Bmp => memory::probe(size.width as usize * 4)?,
        _ => {}
    }
    decoder.read_image(&mut pixels[..bytes]).map_err(to_error)?;
    to_rgb(colours, pixels, size.pixels())?;
    pixels.truncate(size.pixels() * CHANNELS);
    Ok(size)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn to_error(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(_) => Error::UnsupportedImage { kind: "This kind of image" },
        _ => Error::DamagedImage,
    }
}

/// Pillow's `convert("RGB")`: gray is repeated, alpha is dropped without blending, and of 16 bits the upper 8 are kept. Gray
/// of 16 bits without alpha is a mode of its own (`I;16`), whose values are cut off at 255.
fn to_rgb(colours: ColorType, pixels: &mut [u8], count: usize) -> Result<(), Error> {
    match colours {
        ColorType::Rgb8 => {}
        ColorType::L8 => in_place(pixels, count, |[gray]| [gray; 3]),
        ColorType::La8 => in_place(pixels, count, |[gray, _]| [gray; 3]),
        ColorType::Rgba8 => in_place(pixels, count, |[red, green, blue, _]| [red, green, blue]),
        ColorType::L16 => in_place(pixels, count, |gray| [clipped(gray); 3]),
        ColorType::La16 => in_place(pixels, count, |[a, b, _, _]| [upper([a, b]); 3]),
        ColorType::Rgb16 => in_place(pixels, count, |[a, b, c, d, e, f]| [[a, b], [c, d], [e, f]].map(upper)),
        ColorType::Rgba16 => {
            in_place(pixels, count, |[a, b, c, d, e, f, _, _]| [[a, b], [c, d], [e, f]].map(upper));
        }
        _ => return Err(Error::UnsupportedImage { kind: "This kind of image" }),
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

/// A value of 16 bits in the machine's byte order, cut off at 255.
fn clipped(value: [u8; 2]) -> u8 {
    u8::try_from(u16::from_ne_bytes(value)).unwrap_or(u8::MAX)
}

fn upper(value: [u8; 2]) -> u8 {
    u16::from_ne_bytes(value).to_be_bytes()[0]
}
