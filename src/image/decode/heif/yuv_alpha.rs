//! Colours that were multiplied by alpha, divided by it again.

use crate::image::CHANNELS;

/// How colours are divided, which depends on how they were converted ([`super::yuv::Converter::division`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Division {
    /// By libyuv, by an alpha whose lower bits are cut off.
    Shifted,
    /// By libyuv, by an alpha that is rounded to 8 bits.
    Rounded,
    /// By libavif, in floating point and before the colours are rounded to 8 bits. Here they are divided after that, which
    /// differs in the last bits.
    Floating,
}

/// The form of alpha's samples. Those of limited range are expanded first (libavif, `avifLimitedToFullY`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Alpha {
    pub(super) bits: u32,
    pub(super) full_range: bool,
    pub(super) division: Division,
}

impl Alpha {
    /// The largest sample.
    const fn largest(self) -> i32 {
        (1 << self.bits) - 1
    }

    /// A sample of full range.
    fn expanded(self, sample: u16) -> i32 {
        let (largest, step) = (self.largest(), 1 << (self.bits - 8));
        let range = 219 * step;
        if self.full_range {
            i32::from(sample).min(largest)
        } else {
            (((i32::from(sample) - 16 * step) * largest + range / 2) / range).clamp(0, largest)
        }
    }

    fn byte(self, sample: u16) -> u8 {
        let alpha = self.expanded(sample);
        let byte = match self.division {
            _ if self.bits == 8 => alpha,
            Division::Shifted => alpha >> (self.bits - 8),
            _ => rounded(alpha, self.largest()),
        };
        u8::try_from(byte).unwrap_or(u8::MAX)
    }

    /// Divides a row of colours by their alpha.
    ///
    /// libyuv's arithmetic (`ARGBUnattenuateRow_SSE2`, `row_gcc.cc`): a channel of 16 bits times the reciprocal of alpha, of which
    /// the upper half is cut to a byte as a signed number.
    pub(super) fn divide(self, row: &mut [u8], alpha: &[u16]) {
        if self.division == Division::Floating {
            return self.divide_floating(row, alpha);
        }
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

impl Alpha {
    /// libavif's arithmetic (`avifImageYUVAnyToRGBAnySlow`).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "0 to 255"
    )]
    fn divide_floating(self, row: &mut [u8], alpha: &[u16]) {
        for (pixel, sample) in row.chunks_exact_mut(CHANNELS).zip(alpha) {
            let alpha = self.expanded(*sample) as f32 / self.largest() as f32;
            for channel in pixel {
                let divided = if alpha > 0.0 { (f32::from(*channel) / 255.0 / alpha).min(1.0) } else { 0.0 };
                *channel = (0.5 + divided * 255.0) as u8;
            }
        }
    }
}

/// Alpha of more bits, divided by the largest value.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most 12 bits")]
fn rounded(alpha: i32, largest: i32) -> i32 {
    (0.5 + (alpha as f32 / largest as f32) * 255.0) as i32
}
