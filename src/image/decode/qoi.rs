//! QOI (The Quite OK Image Format for Fast, Lossless Compression, version 1.0), through the crate `image`.

use std::io::Read;

use ::image::codecs::qoi::QoiDecoder;
use ::image::{ColorType, ImageDecoder};

use super::limits::Source;
use super::timed::Timed;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

/// The end of every file. Pillow reads files without it.
const END: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 1];

/// Bytes of a pixel with alpha.
const WITH_ALPHA: usize = 4;

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let decoder = QoiDecoder::new(Timed::new(source.file, source.stop).chain(END)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let size = source.check(Size { width, height })?;
    let count = size.pixels();
    let has_alpha = decoder.color_type() == ColorType::Rgba8;
    source.admit(size, if has_alpha { count as u64 } else { 0 })?;
    memory::resize(pixels, count * if has_alpha { WITH_ALPHA } else { CHANNELS })?;
    decoder.read_image(pixels).map_err(damaged)?;
    if has_alpha {
        for index in 0..count {
            pixels.copy_within(index * WITH_ALPHA..index * WITH_ALPHA + CHANNELS, index * CHANNELS);
        }
        pixels.truncate(count * CHANNELS);
    }
    Ok(size)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn damaged(_: ::image::ImageError) -> Error {
    Error::DamagedImage
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Limits;
    use crate::stop::Stop;

    fn decoded(channels: u8, data: &[u8]) -> Result<Vec<u8>, Error> {
        let file = [&b"qoif\0\0\0\x02\0\0\0\x02"[..], &[channels, 0], data].concat();
        let mut pixels = vec![9; 2];
        decode(&Source { file: &file, limits: Limits::NONE, stop: &Stop::never() }, &mut pixels).map(|_| pixels)
    }

    #[test]
    fn with_and_without_alpha() {
        // A colour, a small difference, a larger one, and a run.
        let data = [0xfe, 1, 2, 3, 0b0111_1001, 0b1010_0010, 0x4c, 0xc0];
        assert_eq!(decoded(3, &data).unwrap(), [1, 2, 3, 2, 2, 2, 0, 4, 8, 0, 4, 8]);
        assert_eq!(decoded(4, &[0xff, 5, 6, 7, 0, 0xc2]).unwrap(), [5, 6, 7].repeat(4));
    }

    #[test]
    fn a_file_that_ends_too_early_is_damaged() {
        for data in [&[][..], &[0xfe, 1, 2], &[0xff, 1, 2, 3], &[0xfe, 1, 2, 3, 0xc1], &[0x80]] {
            assert_eq!(decoded(3, data), Err(Error::DamagedImage), "{data:?}");
        }
    }
}
