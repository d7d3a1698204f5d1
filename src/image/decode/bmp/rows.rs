//! From rows of packed pixels to RGB.

use super::header::Palette;
use crate::image::CHANNELS;

/// Unpacks palette indices of `BITS` bits, of which the highest bits of a byte are the leftmost pixel.
pub(super) fn indices<const BITS: usize>(row: &[u8], line: &mut [u8], palette: &Palette) {
    for (pixels, byte) in line.chunks_mut(CHANNELS * 8 / BITS).zip(row) {
        for (place, pixel) in pixels.chunks_exact_mut(CHANNELS).enumerate() {
            let index = (byte << (BITS * place)) >> (8 - BITS);
            pixel.copy_from_slice(&palette[usize::from(index)]);
        }
    }
}

/// Picks red, green and blue from the pixels' `BYTES` bytes, by their places.
pub(super) fn bytes<const BYTES: usize, const RED: usize, const GREEN: usize, const BLUE: usize>(
    row: &[u8],
    line: &mut [u8],
) {
    let pixels = line.as_chunks_mut::<CHANNELS>().0;
    for (pixel, stored) in pixels.iter_mut().zip(row.as_chunks::<BYTES>().0) {
        *pixel = [stored[RED], stored[GREEN], stored[BLUE]];
    }
}

/// Unpacks pixels of 16 bits with five bits of red, `GREEN` bits of green and five bits of blue, from the highest bit that
/// is used. Each value is scaled to 0 to 255 and rounded down (Pillow, `Unpack.c`).
pub(super) fn fields<const GREEN: u32>(row: &[u8], line: &mut [u8]) {
    let scaled = |value: u32, bits: u32| {
        let most = (1 << bits) - 1;
        ((value & most) * 255 / most).to_le_bytes()[0]
    };
    let pixels = line.as_chunks_mut::<CHANNELS>().0;
    for (pixel, stored) in pixels.iter_mut().zip(row.as_chunks::<2>().0) {
        let stored = u32::from(u16::from_le_bytes(*stored));
        *pixel = [scaled(stored >> (5 + GREEN), 5), scaled(stored >> 5, GREEN), scaled(stored, 5)];
    }
}
