//! PNG, through the crate `png`, row by row.
//!
//! The crate never sees the file itself, but one made from it with nothing but a header and the image data
//! ([`chunks::Plain`]): what other chunks hold can neither fail nor take memory. An animation shows the image data, which
//! every decoder without animation shows.

mod chunks;
mod header;
mod rows;

use ::png::{Decoder, Limits};

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use chunks::{Plain, Unpacked, unpack};
use header::{Frame, Header};
use rows::Converter;

/// Rows as they are stored that the crate holds, at most, with ours: it moves its buffer after four rows, and the buffer
/// grows by doubling.
const ROWS: u64 = 16;

/// Bytes that the crate takes for any picture: its buffer of 128 KiB and more, and inflate's tables.
const BASE: u64 = 1 << 20;

/// Columns and rows of a pass over the picture: the first ones, and the steps to the next ones.
#[derive(Clone, Copy)]
struct Pass {
    left: u32,
    top: u32,
    across: u32,
    down: u32,
}

const fn pass(left: u32, top: u32, across: u32, down: u32) -> Pass {
    Pass { left, top, across, down }
}

const WHOLE: [Pass; 1] = [pass(0, 0, 1, 1)];

/// Adam7 (PNG, section 8.2).
const ADAM7: [Pass; 7] = [
    pass(0, 0, 8, 8),
    pass(4, 0, 8, 8),
    pass(0, 4, 4, 8),
    pass(2, 0, 4, 4),
    pass(0, 2, 2, 4),
    pass(1, 0, 2, 2),
    pass(0, 1, 1, 2),
];

impl Pass {
    /// The size of the pass over a picture of `size`. It is empty where a side is 0.
    fn size(self, size: Size) -> Size {
        let width = size.width.saturating_sub(self.left).div_ceil(self.across);
        let height = size.height.saturating_sub(self.top).div_ceil(self.down);
        Size { width, height }
    }
}

/// Decodes the image data. Where it ends as it should, but before the last row, the rest has the colour of zeros.
pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let header = Header::read(source.file)?;
    let canvas = source.check(header.canvas)?;
    let row = header.row_bytes(header.frame.size.width);
    source.admit(canvas, ROWS * row as u64 + BASE)?;
    let converter = Converter::new(header.form, header.palette);
    let background = converter.background();
    if !header.is_interlaced && header.frame.size == canvas {
        memory::resize(pixels, canvas.pixels() * CHANNELS)?;
        let done = decode_rows(source, &header, &converter, pixels)?;
        pixels.as_chunks_mut().0.iter_mut().skip(done * canvas.width as usize).for_each(|pixel| *pixel = background);
        return Ok(canvas);
    }
    memory::zeros(pixels, canvas.pixels() * CHANNELS)?;
    if background != [0; CHANNELS] {
        pixels.as_chunks_mut().0.fill(background);
    }
    decode_rows(source, &header, &converter, pixels)?;
    Ok(canvas)
}

/// Decodes all rows to their places in `pixels`, and returns their number.
fn decode_rows(
    source: &Source<'_>,
    header: &Header<'_>,
    converter: &Converter,
    pixels: &mut [u8],
) -> Result<usize, Error> {
    let mut decoder = Decoder::new_with_limits(Plain::of(header, source.stop)?, Limits { bytes: usize::MAX });
    decoder.ignore_checksums(true);
    let mut decoder = decoder.read_info().map_err(|_| Error::DamagedImage)?;
    let (mut stored, mut rgb) = (Vec::new(), Vec::new());
    let width = header.frame.size.width;
    memory::zeros(&mut stored, header.row_bytes(width))?;
    memory::zeros(&mut rgb, width as usize * CHANNELS)?;
    let (mut done, mut unpacked) = (0, 0);
    for pass in if header.is_interlaced { &ADAM7[..] } else { &WHOLE } {
        let size = pass.size(header.frame.size);
        // A pass without columns has no rows.
        let rows = if size.width == 0 { 0 } else { size.height };
        let (stored, rgb) = (&mut stored[..header.row_bytes(size.width)], &mut rgb[..size.width as usize * CHANNELS]);
        for y in 0..rows {
            source.stop.check()?;
            if decoder.read_row(stored).is_err() {
                source.stop.check()?;
                // Pillow refuses image data without any row.
                let is_end = done > 0 && unpack(header, unpacked, source.stop)? == Unpacked::Whole(unpacked);
                return if is_end { Ok(done) } else { Err(Error::DamagedImage) };
            }
            let place = place(header.canvas, header.frame, *pass, y, pixels);
            if pass.across == 1 {
                converter.convert(stored, &mut place[..rgb.len()]);
            } else {
                converter.convert(stored, rgb);
                scatter(rgb, pass.across, place);
            }
            done += 1;
            unpacked += 1 + stored.len() as u64;
        }
    }
    // One right checksum is enough, that of the chunks or that of the bytes in them.
    if !header.data.is_sound() && unpack(header, unpacked, source.stop)? == Unpacked::Damaged {
        return Err(Error::DamagedImage);
    }
    Ok(done)
}

/// The pixels from the first one of a pass's row on.
fn place(canvas: Size, frame: Frame, pass: Pass, y: u32, pixels: &mut [u8]) -> &mut [u8] {
    let row = frame.top as usize + pass.top as usize + y as usize * pass.down as usize;
    let column = frame.left as usize + pass.left as usize;
    &mut pixels[(row * canvas.width as usize + column) * CHANNELS..]
}

/// Copies the pixels of a pass's row to every `across`th place.
fn scatter(rgb: &[u8], across: u32, place: &mut [u8]) {
    for (pixel, place) in rgb.chunks_exact(CHANNELS).zip(place.chunks_mut(across as usize * CHANNELS)) {
        place[..CHANNELS].copy_from_slice(pixel);
    }
}

#[cfg(test)]
mod tests;
