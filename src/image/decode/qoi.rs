//! QOI (The Quite OK Image Format for Fast, Lossless Compression, version 1.0).
//!
//! Colours are written as they come, without a buffer beside the picture. Alpha takes part in the arithmetic, and is dropped
//! from the result.

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

/// Bytes of the header.
const HEADER: usize = 14;

/// Pixels that are written before the deadline is checked again.
const STEP: usize = 64 << 10;

/// Red, green, blue, alpha.
type Colour = [u8; 4];

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let (header, data) = source.file.split_first_chunk::<HEADER>().ok_or(Error::DamagedImage)?;
    let [_, width, height] = [0, 4, 8].map(|at| header[at..].first_chunk().map_or(0, |side| u32::from_be_bytes(*side)));
    let size = source.check(Size { width, height })?;
    source.admit(size, 0)?;
    memory::resize(pixels, size.pixels() * CHANNELS)?;
    let mut chunks = Chunks { data, colour: [0, 0, 0, u8::MAX], run: 0, seen: [[0; 4]; 64] };
    for part in pixels.chunks_mut(STEP * CHANNELS) {
        source.stop.check()?;
        for pixel in part.as_chunks_mut().0 {
            let [red, green, blue, _] = chunks.next().ok_or(Error::DamagedImage)?;
            *pixel = [red, green, blue];
        }
    }
    Ok(size)
}

/// The colours of the pixels, one after another, without an end but that of the file.
struct Chunks<'a> {
    data: &'a [u8],
    /// The colour of the pixel before.
    colour: Colour,
    /// Pixels that still have the same colour.
    run: u8,
    /// The colour that each hash had last.
    seen: [Colour; 64],
}

impl Iterator for Chunks<'_> {
    type Item = Colour;

    #[inline]
    fn next(&mut self) -> Option<Colour> {
        if self.run > 0 {
            self.run -= 1;
            return Some(self.colour);
        }
        let (&tag, rest) = self.data.split_first()?;
        self.data = rest;
        let [red, green, blue, alpha] = self.colour;
        self.colour = match (tag, tag >> 6) {
            (0xfe, _) => {
                let [red, green, blue] = self.take()?;
                [red, green, blue, alpha]
            }
            (0xff, _) => self.take()?,
            (_, 0) => self.seen[usize::from(tag & 0x3f)],
            (_, 1) => {
                let moved = |value: u8, bits: u8| value.wrapping_add((tag >> bits) & 3).wrapping_sub(2);
                [moved(red, 4), moved(green, 2), moved(blue, 0), alpha]
            }
            (_, 2) => {
                let [differences] = self.take()?;
                let all = (tag & 0x3f).wrapping_sub(32);
                let moved =
                    |value: u8, difference: u8| value.wrapping_add(all).wrapping_add(difference).wrapping_sub(8);
                [moved(red, differences >> 4), green.wrapping_add(all), moved(blue, differences & 0xf), alpha]
            }
            // A run is of one pixel more. As in Pillow, it does not make its colour a seen one.
            _ => {
                self.run = tag & 0x3f;
                return Some(self.colour);
            }
        };
        self.seen[hash(self.colour)] = self.colour;
        Some(self.colour)
    }
}

impl Chunks<'_> {
    fn take<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let (bytes, rest) = self.data.split_first_chunk()?;
        self.data = rest;
        Some(*bytes)
    }
}

fn hash([red, green, blue, alpha]: Colour) -> usize {
    (usize::from(red) * 3 + usize::from(green) * 5 + usize::from(blue) * 7 + usize::from(alpha) * 11) % 64
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
    fn every_kind_of_chunk() {
        // A colour, a small difference, a larger one, and the first again by its hash: (1 * 3 + 2 * 5 + 3 * 7 + 255 * 11) % 64.
        let index = u8::try_from(hash([1, 2, 3, 255])).unwrap();
        let data = [0xfe, 1, 2, 3, 0b0111_1001, 0b1010_0010, 0x4c, index];
        assert_eq!(decoded(3, &data).unwrap(), [1, 2, 3, 2, 2, 2, 0, 4, 8, 1, 2, 3]);
        assert_eq!(decoded(4, &[0xff, 5, 6, 7, 0, 0xc2]).unwrap(), [5, 6, 7].repeat(4));
    }

    #[test]
    fn a_file_that_ends_too_early_is_damaged() {
        for data in [&[][..], &[0xfe, 1, 2], &[0xff, 1, 2, 3], &[0xfe, 1, 2, 3, 0xc1], &[0x80]] {
            assert_eq!(decoded(3, data), Err(Error::DamagedImage), "{data:?}");
        }
        // A run may go past the last pixel.
        assert!(decoded(3, &[0xfd]).is_ok());
    }
}
