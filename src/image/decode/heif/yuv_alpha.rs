//! Colours that were multiplied by alpha, divided by it again.

use crate::image::CHANNELS;

/// Alpha as 8 bits. `shifts` chooses libyuv's way over libavif's ([`super::yuv::Converter::shifts_alpha`]); samples of limited
/// range are expanded first (libavif, `alpha.c` and `avifLimitedToFullY`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Alpha {
    pub(super) bits: u32,
    pub(super) full_range: bool,
    pub(super) shifts: bool,
}

impl Alpha {
    fn byte(self, sample: u16) -> u8 {
        let (largest, step) = ((1_i32 << self.bits) - 1, 1_i32 << (self.bits - 8));
        let mut alpha = i32::from(sample);
        if !self.full_range {
            let range = 219 * step;
            alpha = (((alpha - 16 * step) * largest + range / 2) / range).clamp(0, largest);
        }
        let byte = match self.bits {
            8 => alpha,
            _ if self.shifts => alpha >> (self.bits - 8),
            _ => rounded(alpha, largest),
        };
        u8::try_from(byte).unwrap_or(u8::MAX)
    }

    /// Divides a row of colours by their alpha.
    ///
    /// libyuv's arithmetic (`ARGBUnattenuateRow_SSE2`, `row_gcc.cc`): a channel of 16 bits times the reciprocal of alpha, of which
    /// the upper half is cut to a byte as a signed number.
    pub(super) fn divide(self, row: &mut [u8], alpha: &[u16]) {
        for (pixel, sample) in row.chunks_exact_mut(CHANNELS).zip(alpha) {
            let reciprocal = match self.byte(*sample) {
                0 => 0,
                1 => 0xffff,
                255 => 0x100,
                alpha => 0x1_0000 / u32::from(alpha),
            };
            for channel in pixel {
                let product = (u32::from(*channel) * 0x101 * reciprocal) >> 16;
                *channel = if product > 0x7fff { 0 } else { u8::try_from(product).unwrap_or(u8::MAX) };
            }
        }
    }
}

/// Alpha of more bits, divided by the largest value.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most 12 bits")]
fn rounded(alpha: i32, largest: i32) -> i32 {
    (0.5 + (alpha as f32 / largest as f32) * 255.0) as i32
}
