//! The memory that the crate `tiff` takes beside the picture's buffer: limits on it, and estimates from above.
//!
//! It allocates in a way that can't be refused, so that these bytes are probed for before it begins.

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
