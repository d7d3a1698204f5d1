//! The memory that the crates `png` and `tiff` take beside the picture's buffer: limits on it, and estimates from above.
//!
//! Both allocate in a way that can't be refused, so that these bytes are probed for before they begin.

use super::limits::Source;
use crate::error::Error;
use crate::image::Size;
use crate::image::directory::Numbers;

/// Tag and value of TIFF's compression by JPEG.
const COMPRESSION: u16 = 259;
const JPEG: u16 = 7;

/// Values of any other entry, at most: a strip for each row of a very high picture.
pub(super) const MAX_LIST: u64 = 1 << 18;

/// Bytes that the crate `tiff` takes for the lists of the directory, at most: 32 for each value of the strips' offsets and
/// lengths, and 8 once more.
#[expect(clippy::cast_possible_truncation, reason = "a small number")]
const LISTS: usize = 80 * MAX_LIST as usize;

/// The longest side of a JPEG inside a TIFF, in pixels: the default limit of `zune-jpeg`, with which `tiff` decodes it.
const MAX_JPEG_SIDE: usize = 1 << 14;

/// Bytes that a pixel takes at most while it is decoded: four 16-bit channels, twice.
pub(super) const MAX_BYTES_PER_PIXEL: u64 = 16;

/// Bytes that metadata may take in any file. A colour profile is compressed and may inflate to any size.
pub(super) const METADATA: u64 = 4 << 20;

/// Bytes that metadata may take at most, in a large picture with as much of it in the file.
const MAX_METADATA: u64 = 32 << 20;

/// Rows that the crate `png` holds beside the picture: inflated, unfiltered and expanded.
const PNG_ROWS: usize = 4;

/// The limit for `png`, which counts only some of its allocations, and an upper bound on all of them; in bytes.
pub(super) fn of_png(source: &Source<'_>) -> Result<(u64, usize), Error> {
    let file = source.file;
    let size = source.check(png_size(file)?)?;
    let rows = png_row(file).saturating_mul(PNG_ROWS);
    let most = rows.saturating_add(usize::try_from(MAX_METADATA).unwrap_or(usize::MAX));
    Ok(((rows as u64).saturating_add(png_metadata(size, file.len() as u64)), most))
}

/// The size in a PNG's header (PNG, section 11.2.1), which is its first chunk.
fn png_size(file: &[u8]) -> Result<Size, Error> {
    let number = |at: usize| file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (width, height) = number(16).zip(number(20)).ok_or(Error::DamagedImage)?;
    Ok(Size { width, height })
}

/// Bytes of a row as the decoder writes it: two a sample where the file has 16 bits, else one.
fn png_row(file: &[u8]) -> usize {
    let width = png_size(file).map_or(0, |size| size.width as usize);
    let (depth, colour_type) = (file.get(24).copied(), file.get(25).copied());
    // A transparent colour adds a channel.
    let samples = if matches!(colour_type, Some(0 | 4)) { 2 } else { 4 };
    width.saturating_mul(if depth == Some(16) { samples * 2 } else { samples })
}

/// The limit on metadata, in bytes: `png` counts text three times, and a profile as it is inflated.
fn png_metadata(size: Size, file: u64) -> u64 {
    let pixels = (size.pixels() as u64).saturating_mul(MAX_BYTES_PER_PIXEL);
    METADATA + pixels.min(file.saturating_mul(3)).min(MAX_METADATA - METADATA)
}

/// Bytes that the crate `tiff` takes to decode a picture of `bytes` bytes: the picture once more, a third of that for CMYK,
/// the directory's lists, and the buffers for a JPEG inside.
pub(super) fn of_tiff(file: &[u8], bytes: usize) -> usize {
    (bytes / 3).saturating_mul(4).saturating_add(jpeg_cost(file)).saturating_add(file.len() + LISTS)
}

/// Bytes for the largest JPEG inside the file: its samples, and coefficients of two bytes each. Its own header states its size,
/// which may be another than that of the strip (ITU-T T.81, B.2.2).
fn jpeg_cost(file: &[u8]) -> usize {
    if !has_jpeg(file) {
        return 0;
    }
    let headers = file.windows(10).filter(|bytes| {
        let components = u16::from(bytes[9]);
        let length = u16::from_be_bytes([bytes[2], bytes[3]]);
        bytes[0] == 0xff
            && matches!(bytes[1], 0xc0..=0xc2)
            && (1..=4).contains(&components)
            && length == 8 + 3 * components
    });
    // A larger side is refused before memory is taken.
    let side = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low])).min(MAX_JPEG_SIDE);
    let samples = |bytes: &[u8]| side(bytes[5], bytes[6]) * side(bytes[7], bytes[8]) * usize::from(bytes[9]);
    headers.map(samples).max().unwrap_or(0).saturating_mul(4)
}

fn has_jpeg(file: &[u8]) -> bool {
    let value = |numbers: Numbers<'_>| {
        let entry = numbers.first_directory()?.find(|entry| entry.tag == COMPRESSION)?;
        numbers.read(entry.value, 2)
    };
    Numbers::of(file).and_then(value) == Some(u64::from(JPEG))
}
