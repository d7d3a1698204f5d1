//! BMP, and DIB: a BMP without its file header, as Windows keeps it on the clipboard.
//!
//! Reads what Pillow reads, and gives its pixels (`BmpImagePlugin.py`). The structures are those of Microsoft's "Bitmap
//! Structures" (`BITMAPFILEHEADER`, `BITMAPCOREHEADER`, `BITMAPINFOHEADER` and its later versions). Alpha is dropped.

mod header;
mod rows;
mod run_lengths;

pub(super) use header::Bitmap;

use header::Layout;

use super::limits::Source;
use super::little_endian::u32_at;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

/// Bytes of the file header, which a DIB lacks.
const FILE_HEADER: usize = 14;

/// A file with a file header.
pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let data = u32_at(source.file, 10)?;
    let bitmap = Bitmap::read(source.file, FILE_HEADER, data)?;
    bitmap.decode(source, bitmap.height, pixels)
}

/// A file without a file header.
pub(super) fn decode_dib(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let bitmap = Bitmap::read(source.file, 0, 0)?;
    bitmap.decode(source, bitmap.height, pixels)
}

impl Bitmap {
    /// Decodes `height` rows into `pixels`: the first rows of the data. An icon's bitmap has more rows, which are a mask.
    pub(super) fn decode(&self, source: &Source<'_>, height: u32, pixels: &mut Vec<u8>) -> Result<Size, Error> {
        let size = source.check(Size { width: self.width, height })?;
        source.admit(size, 0)?;
        match self.layout {
            Layout::Indices(bits) => self.unpack(source, size, bits, pixels, |row, line| match bits {
                1 => rows::indices::<1>(row, line, &self.palette),
                4 => rows::indices::<4>(row, line, &self.palette),
                _ => rows::indices::<8>(row, line, &self.palette),
            })?,
            Layout::Colours(unpack) => self.unpack(source, size, self.bits, pixels, unpack)?,
            Layout::RunLengths { nibbles } => {
                memory::resize(pixels, size.pixels() * CHANNELS)?;
                run_lengths::decode(source, self, size, nibbles, pixels)?;
                if !self.top_down {
                    turn_over(pixels, size);
                }
            }
        }
        Ok(size)
    }

    /// Unpacks rows of `bits` bits a pixel. Each row begins at a multiple of four bytes. The last one may lack its padding.
    fn unpack(
        &self,
        source: &Source<'_>,
        size: Size,
        bits: u16,
        pixels: &mut Vec<u8>,
        unpack: impl Fn(&[u8], &mut [u8]),
    ) -> Result<(), Error> {
        let (width, height) = (size.width as usize, size.height as usize);
        let stride = (width * usize::from(self.bits)).div_ceil(32) * 4;
        let length = (width * usize::from(bits)).div_ceil(8);
        let data = source.file.get(self.data..).unwrap_or_default();
        if length > stride || data.len() < (height - 1) * stride + length {
            return Err(Error::DamagedImage);
        }
        memory::resize(pixels, size.pixels() * CHANNELS)?;
        let mut lines = pixels.chunks_exact_mut(width * CHANNELS);
        for row in data.chunks(stride) {
            source.stop.check()?;
            let line = if self.top_down { lines.next() } else { lines.next_back() };
            let (Some(line), Some(row)) = (line, row.get(..length)) else { break };
            unpack(row, line);
        }
        Ok(())
    }
}

/// Makes the last row the first one.
fn turn_over(pixels: &mut [u8], size: Size) {
    let mut lines = pixels.chunks_exact_mut(size.width as usize * CHANNELS);
    while let (Some(first), Some(last)) = (lines.next(), lines.next_back()) {
        first.swap_with_slice(last);
    }
}

#[cfg(test)]
mod tests;
