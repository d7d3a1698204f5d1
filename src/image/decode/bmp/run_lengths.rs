//! Run-length encoded bitmaps (`BI_RLE8` and `BI_RLE4`; Microsoft, "Bitmap Compression").
//!
//! Where files are at odds with the format, the pixels are those of Pillow's `BmpRleDecoder`.

use super::header::{Bitmap, Palette};
use crate::error::Error;
use crate::image::decode::limits::Source;
use crate::image::{CHANNELS, Size};

/// Runs from one look at the clock to the next.
const RUNS_PER_CHECK: u32 = 256;

/// The second byte of an escape, whose first one is 0. Any other is a number of pixels that follow one by one.
const END_OF_LINE: u8 = 0;
const END_OF_BITMAP: u8 = 1;
const DELTA: u8 = 2;

/// Fills `pixels` with the rows in the order of the file.
///
/// # Errors
/// [`Error::DamagedImage`] if the data ends before the last pixel.
pub(super) fn decode(
    source: &Source<'_>,
    bitmap: &Bitmap,
    size: Size,
    nibbles: bool,
    pixels: &mut [u8],
) -> Result<(), Error> {
    let mut reader = Reader { file: source.file, at: bitmap.data };
    let width = size.width as usize;
    let mut painter = Painter { rest: pixels, palette: &bitmap.palette };
    // The column, by which runs are cut off at the end of a row. It is beyond the row once single pixels have passed its end.
    let mut x = 0;
    let mut runs = 0;
    while painter.left() > 0 {
        if runs % RUNS_PER_CHECK == 0 {
            source.stop.check()?;
        }
        runs = runs.wrapping_add(1);
        let [count, value] = reader.pair()?;
        match (count, value) {
            (0, END_OF_LINE) => {
                painter.skip(painter.left() % width);
                x = 0;
            }
            (0, END_OF_BITMAP) => return Err(Error::DamagedImage),
            (0, DELTA) => {
                let [right, up] = reader.pair()?;
                painter.skip(usize::from(right) + usize::from(up) * width);
                x = (size.pixels() - painter.left()) % width;
            }
            (0, count) => {
                reader.literal(count, nibbles, &mut painter)?;
                x += usize::from(count);
            }
            (count, value) => {
                let count = usize::from(count).min(width.saturating_sub(x));
                let pair = if nibbles { [value >> 4, value & 0xf] } else { [value; 2] };
                painter.run(pair, count);
                x += count;
            }
        }
    }
    Ok(())
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], Error> {
        let taken = self.file.get(self.at..).and_then(|rest| rest.get(..count)).ok_or(Error::DamagedImage)?;
        self.at += count;
        Ok(taken)
    }

    fn pair(&mut self) -> Result<[u8; 2], Error> {
        self.take(2).map(|pair| [pair[0], pair[1]])
    }

    /// Paints pixels that are stored one by one, in whole bytes, and then aligned to an even place in the file.
    fn literal(&mut self, count: u8, nibbles: bool, painter: &mut Painter<'_>) -> Result<(), Error> {
        let count = usize::from(count).min(painter.left());
        if nibbles {
            let nibbles = self.take(count.div_ceil(2))?.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
            // The last nibble of an odd number is padding.
            nibbles.take(count).for_each(|index| painter.paint(index));
        } else {
            self.take(count)?.iter().for_each(|index| painter.paint(*index));
        }
        self.at += self.at % 2;
        Ok(())
    }
}

/// Writes pixels one after the other, and nothing behind the last one.
struct Painter<'a> {
    rest: &'a mut [u8],
    palette: &'a Palette,
}

impl Painter<'_> {
    /// Pixels that are not painted yet.
    fn left(&self) -> usize {
        self.rest.len() / CHANNELS
    }

    fn paint(&mut self, index: u8) {
        self.run([index; 2], 1);
    }

    /// Paints `count` pixels, with the two indices in turn.
    fn run(&mut self, indices: [u8; 2], count: usize) {
        let length = (count * CHANNELS).min(self.rest.len());
        let (run, rest) = std::mem::take(&mut self.rest).split_at_mut(length);
        let [even, odd] = indices.map(|index| self.palette[usize::from(index)]);
        for (place, pixel) in run.chunks_exact_mut(CHANNELS).enumerate() {
            pixel.copy_from_slice(if place % 2 == 0 { &even } else { &odd });
        }
        self.rest = rest;
    }

    /// Paints `count` pixels with the palette's first colour.
    fn skip(&mut self, count: usize) {
        self.run([0; 2], count);
    }
}
