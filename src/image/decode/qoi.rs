//! QOI (The Quite OK Image Format for Fast, Lossless Compression, version 1.0), through the crate `image`.

use std::io::Read;

use ::image::ImageDecoder;
use ::image::codecs::qoi::QoiDecoder;

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use crate::stop::Reader;

/// The length of the header, and the place of the number of channels in it.
const HEADER: usize = 14;
const CHANNELS_AT: usize = 12;

/// Red, green, blue, alpha. A file of three channels may have colours with alpha as well.
const WITH_ALPHA: u8 = 4;

/// The end of every file. Pillow reads files without it.
const END: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 1];

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let (header, data) = source.file.split_first_chunk::<HEADER>().ok_or(Error::DamagedImage)?;
    let mut header = *header;
    header[CHANNELS_AT] = WITH_ALPHA;
    let decoder = QoiDecoder::new(header.as_slice().chain(Reader::new(data, source.stop)).chain(END))
        .map_err(|_| Error::DamagedImage)?;
    let (width, height) = decoder.dimensions();
    let size = source.check(Size { width, height })?;
    let (count, bytes) = (size.pixels(), usize::from(WITH_ALPHA));
    source.admit(size, count as u64)?;
    memory::resize(pixels, count * bytes)?;
    decoder.read_image(pixels).map_err(|_| Error::DamagedImage)?;
    for index in 0..count {
        pixels.copy_within(index * bytes..index * bytes + CHANNELS, index * CHANNELS);
    }
    pixels.truncate(count * CHANNELS);
    Ok(size)
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
