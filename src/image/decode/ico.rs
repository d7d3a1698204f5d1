//! ICO and CUR: Windows' icons and cursors, of which the picture that Pillow chooses is decoded.
//!
//! A file holds one picture in several sizes, each as a PNG, or as a bitmap without its file header. Such a bitmap states
//! twice its height, since a mask of one bit a pixel follows its rows. The mask is alpha, which is dropped. (Microsoft, "Icons
//! in Win32"; Pillow, `IcoImagePlugin.py` and `CurImagePlugin.py`.)

use super::bmp::Bitmap;
use super::limits::Source;
use super::little_endian::{u16_at, u32_at};
use super::png;
use crate::error::Error;
use crate::image::{CHANNELS, Size};

/// Bytes of the header and of each entry of the directory behind it.
const HEADER: usize = 6;
const ENTRY: usize = 16;

/// The first bytes of a PNG file (PNG, section 5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// An entry of the directory.
#[derive(Clone, Copy)]
struct Entry {
    /// As stored: 0 stands for 256.
    width: u8,
    height: u8,
    colours: u8,
    /// Bits a pixel. A cursor has other things here.
    bits: u16,
    /// Bytes of the picture, and where it begins.
    length: u32,
    offset: usize,
}

impl Entry {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let [width, height, colours, ..] = *bytes else { return Err(Error::DamagedImage) };
        let (bits, length) = (u16_at(bytes, 6)?, u32_at(bytes, 8)?);
        Ok(Self { width, height, colours, bits, length, offset: u32_at(bytes, 12)? as usize })
    }

    /// Pixels in all.
    fn area(self) -> u32 {
        let side = |side: u8| if side == 0 { 256 } else { u32::from(side) };
        side(self.width) * side(self.height)
    }

    /// Bits a pixel, as Pillow compares them where two entries are of one size: the least go first.
    fn depth(self) -> u32 {
        match (self.bits, self.colours) {
            (0, 0 | 1) => 256,
            (0, colours) => u32::from(colours).next_power_of_two().ilog2(),
            (bits, _) => bits.into(),
        }
    }
}

/// The entries of the directory. All must be in the file.
fn directory(file: &[u8]) -> Result<impl Iterator<Item = Result<Entry, Error>>, Error> {
    let length = usize::from(u16_at(file, 4)?) * ENTRY;
    let entries = file.get(HEADER..HEADER + length).ok_or(Error::DamagedImage)?;
    Ok(entries.chunks_exact(ENTRY).map(Entry::read))
}

/// The icon of the most pixels.
pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let mut largest: Option<Entry> = None;
    for entry in directory(source.file)? {
        let entry = entry?;
        let key = |entry: Entry| (entry.area(), u32::MAX - entry.depth());
        if largest.is_none_or(|largest| key(entry) > key(largest)) {
            largest = Some(entry);
        }
    }
    let entry = largest.ok_or(Error::DamagedImage)?;
    let file = source.file.get(entry.offset..).unwrap_or_default();
    if file.starts_with(PNG) {
        return png::decode(&Source { file, ..*source }, pixels);
    }
    let bitmap = Bitmap::read(source.file, entry.offset, 0)?;
    let size = Size { width: bitmap.width, height: bitmap.height / 2 };
    source.check(size)?;
    if !has_mask(source.file, entry, &bitmap, size) {
        return Err(Error::DamagedImage);
    }
    bitmap.decode(source, size.height, pixels)
}

/// Whether the mask, or the alpha of 32 bits a pixel, lies in the file. Pillow refuses an icon without it.
fn has_mask(file: &[u8], entry: Entry, bitmap: &Bitmap, size: Size) -> bool {
    let (width, height) = (size.width as usize, size.height as usize);
    if entry.bits == 32 {
        return bitmap.data + width * height * 4 <= file.len();
    }
    let stride = width.div_ceil(32) * 4;
    let end = entry.offset + entry.length as usize;
    let begin = end.checked_sub(stride * height);
    begin.is_some_and(|begin| begin + stride * (height - 1) + width.div_ceil(8) <= file.len())
}

/// The cursor that is wider and higher than those before it.
pub(super) fn decode_cursor(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let mut largest: Option<Entry> = None;
    for entry in directory(source.file)? {
        let entry = entry?;
        if largest.is_none_or(|largest| entry.width > largest.width && entry.height > largest.height) {
            largest = Some(entry);
        }
    }
    let entry = largest.ok_or(Error::DamagedImage)?;
    let bitmap = Bitmap::read(source.file, entry.offset, 0)?;
    let size = Size { width: bitmap.width, height: bitmap.height / 2 };
    if !bitmap.is_gray {
        return bitmap.decode(source, size.height, pixels);
    }
    // The mask is decoded as well, above the picture, because Pillow blackens what it hides.
    if bitmap.height % 2 == 1 {
        return Err(Error::DamagedImage);
    }
    bitmap.decode(source, bitmap.height, pixels)?;
    let (mask, picture) = pixels.split_at_mut(size.pixels() * CHANNELS);
    for (mask, picture) in mask.iter_mut().zip(picture) {
        *mask = blend(*picture, 255 - *mask);
    }
    pixels.truncate(size.pixels() * CHANNELS);
    Ok(size)
}

/// `value` over black: times `alpha`, divided by 255 and rounded (Pillow, `ImagingUtils.h`, `DIV255`).
fn blend(value: u8, alpha: u8) -> u8 {
    let product = u16::from(value) * u16::from(alpha) + 128;
    ((product + (product >> 8)) >> 8).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_is_that_of_the_colours_where_none_is_stated() {
        let depth = |bits, colours| Entry { width: 1, height: 1, colours, bits, length: 0, offset: 0 }.depth();
        let depths = [(0, 0), (0, 1), (0, 2), (0, 3), (0, 16), (0, 255), (4, 16), (32, 0)];
        assert_eq!(depths.map(|(bits, colours)| depth(bits, colours)), [256, 256, 1, 2, 4, 8, 4, 32]);
    }

    #[test]
    fn blending_rounds() {
        for value in 0..=255_u8 {
            assert_eq!((blend(value, 0), blend(value, 255)), (0, value));
            assert_eq!(u32::from(blend(value, 100)), (u32::from(value) * 100 * 2 + 255) / 510);
        }
    }
}
