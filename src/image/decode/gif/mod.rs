//! GIF: the first frame, as Pillow shows it.
//!
//! The canvas grows where the frame passes its edge. Pixels outside the frame have the transparent colour, or the palette's
//! first one where none is transparent (Pillow, `GifImagePlugin.py`). Indices become colours a few thousand at a time, so
//! that a picture costs only its pixels. Sections of the format are those of "Graphics Interchange Format, Version 89a".

mod blocks;
mod lzw;

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use blocks::{Frame, Palette, Reader};
use lzw::{Decoder, HELD};

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let mut reader = Reader::new(source);
    let frame = Frame::first(&mut reader)?;
    let size = source.check(frame.canvas)?;
    if frame.size.width == 0 || frame.size.height == 0 {
        return Err(Error::DamagedImage);
    }
    let decoder = Decoder::new(frame.code_size, reader)?;
    source.admit(size, HELD as u64)?;
    memory::resize(pixels, size.pixels() * CHANNELS)?;
    if frame.size != frame.canvas {
        let background = frame.palette[usize::from(frame.transparent.unwrap_or(0))];
        pixels.as_chunks_mut().0.fill(background);
    }
    let mut rows = Rows::new(&frame, pixels);
    decoder.decode(|indices| rows.write(indices, &frame.palette))?;
    Ok(size)
}

/// The rows of a frame, in the order in which the file has them.
struct Rows<'a> {
    pixels: &'a mut [[u8; CHANNELS]],
    /// The index of the frame's first pixel, and pixels from row to row.
    first: usize,
    stride: usize,
    width: usize,
    height: usize,
    /// The next pixel.
    x: usize,
    y: usize,
    /// The rest of the passes: the first row and the rows from one to the next.
    passes: &'static [(usize, usize)],
}

/// The passes of an interlaced frame (GIF, appendix E): every 8th row, the 8th ones between, and so on.
const INTERLACED: &[(usize, usize)] = &[(0, 8), (4, 8), (2, 4), (1, 2)];
const ONE_BY_ONE: &[(usize, usize)] = &[(0, 1)];

impl<'a> Rows<'a> {
    fn new(frame: &Frame, pixels: &'a mut [u8]) -> Self {
        let stride = frame.canvas.width as usize;
        let (width, height) = (frame.size.width as usize, frame.size.height as usize);
        let passes = if frame.interlaced { INTERLACED } else { ONE_BY_ONE };
        let first = frame.top * stride + frame.left;
        Self { pixels: pixels.as_chunks_mut().0, first, stride, width, height, x: 0, y: 0, passes }
    }

    /// Writes the colours of `indices` and returns whether the frame is complete. More indices are ignored.
    fn write(&mut self, mut indices: &[u8], palette: &Palette) -> bool {
        while !indices.is_empty() {
            let (run, rest) = indices.split_at(indices.len().min(self.width - self.x));
            let begin = self.first + self.y * self.stride + self.x;
            for (pixel, index) in self.pixels[begin..].iter_mut().zip(run) {
                *pixel = palette[usize::from(*index)];
            }
            self.x += run.len();
            indices = rest;
            if self.x == self.width && !self.begin_row() {
                return true;
            }
        }
        false
    }

    /// Goes to the next row and returns whether there is one.
    fn begin_row(&mut self) -> bool {
        self.x = 0;
        self.y += self.passes.first().map_or(self.height, |pass| pass.1);
        while self.y >= self.height {
            self.passes = self.passes.get(1..).unwrap_or_default();
            let Some(pass) = self.passes.first() else { return false };
            self.y = pass.0;
        }
        true
    }
}

#[cfg(test)]
mod tests;
