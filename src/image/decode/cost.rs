//! The memory that the crate `png` takes beside the picture's buffer: limits on it, and estimates from above.
//!
//! It allocates in a way that can't be refused, so that these bytes are probed for before it begins.

use super::limits::Source;
use crate::error::Error;
use crate::image::Size;

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
