//! One block: from dequantised coefficients to those that the resize reads.

#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "coefficients are small numbers")]

use std::hint::select_unpredictable;

use super::{Doubt, clip};

/// The most that the absolute values of a block's dequantised coefficients may sum up to. Those of a picture stay below 8192 and
/// half of each quantisation step: an orthonormal transform of 64 samples keeps the root of their sum of squares, at most
/// 8 x 128, and the sum of 64 values is at most 8 times that root.
pub(super) const MOST: i32 = 16_383;

/// The largest quantised DC coefficient of 8-bit samples (T.81, F.1.2.1).
const MOST_DC: i32 = 2047;

/// The DC coefficient of a block with this deviation: 8 times the mean of its samples, which are counted from 128.
///
/// Adds `difference` to `previous`, the quantised DC coefficient of the block before, which makes it that of this block.
#[inline(always)]
pub(super) fn dc(
    deviation: i32,
    difference: i16,
    step: i16,
    rounding: Rounding,
    previous: &mut i32,
) -> Result<i16, Doubt> {
    *previous += i32::from(difference);
    let dc = *previous * i32::from(step);
    if previous.abs() > MOST_DC || dc.abs() + deviation > MOST {
        return Err(Doubt);
    }
    // Not a branch, as nobody can predict it.
    Ok(select_unpredictable(deviation == 0, rounding.round(dc), dc) as i16)
}

/// Fraction bits of [`Rounding`].
const FRACTION: u32 = 16;

/// How a full decode rounds the flat blocks of a component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    /// The part of a sample in a colour (libjpeg's `build_ycc_rgb_table`).
    level: i32,
    /// The DC coefficient of one level.
    coefficient: i32,
}

impl Rounding {
    /// Those of Y, Cb and Cr.
    pub(super) const ALL: [Self; 3] = [Self::new(clip::PARTS[0]), Self::new(clip::PARTS[1]), Self::new(clip::PARTS[2])];

    const fn new(part: f32) -> Self {
        let one = (1 << FRACTION) as f32;
        Self { level: (part * one + 0.5) as i32, coefficient: (8.0 / part * one + 0.5) as i32 }
    }

    /// The DC coefficient of a flat block after rounding: to whole samples, and to whole levels of the colour in which they have the
    /// largest part. In other blocks, rounding errors cancel out.
    #[inline(always)]
    fn round(self, dc: i32) -> i32 {
        const HALF: i32 = 1 << (FRACTION - 1);
        let level = (((dc + 4) >> 3) * self.level + HALF) >> FRACTION;
        (level * self.coefficient + HALF) >> FRACTION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In floating point, where no sample's part ends with a half: twice the samples that pictures have.
    #[test]
    fn flat_blocks_have_whole_levels() {
        for (rounding, part) in Rounding::ALL.into_iter().zip(clip::PARTS) {
            for sample in (-256..=256_i16).filter(|sample| sample % 125 != 0) {
                let level = (f32::from(sample) * part).round();
                for rest in -4..4 {
                    let expected = (level * 8.0 / part).round() as i32;
                    assert_eq!(rounding.round(i32::from(sample) * 8 + rest), expected, "{sample} of {part}");
                }
            }
        }
    }
}
