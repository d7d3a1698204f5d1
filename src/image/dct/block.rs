//! One block: from dequantised coefficients to those that the resize reads.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "coefficients are small numbers")]

use super::Doubt;

/// The most that the absolute values of a block's dequantised coefficients may sum up to. Those of a picture stay below 8192 and
/// half of each quantisation step: an orthonormal transform of 64 samples keeps the root of their sum of squares, at most
/// 8 x 128, and the sum of 64 values is at most 8 times that root.
pub(super) const MOST: i32 = 16_383;

/// The largest quantised DC coefficient of 8-bit samples (T.81, F.1.2.1).
const MOST_DC: i32 = 2047;

/// The DC coefficient of a block with this deviation: 8 times the mean of its samples, which are counted from 128.
///
/// Adds `difference` to `previous`, the quantised DC coefficient of the block before, which makes it that of this block.
#[inline]
pub(super) fn dc(deviation: i32, difference: i16, step: i16, part: f32, previous: &mut i32) -> Result<i16, Doubt> {
    *previous += i32::from(difference);
    let dc = *previous * i32::from(step);
    if previous.abs() > MOST_DC || dc.abs() + deviation > MOST {
        return Err(Doubt);
    }
    i16::try_from(if deviation == 0 { rounded(dc, part) } else { dc }).map_err(|_| Doubt)
}

/// The DC coefficient of a flat block as a full decode rounds: to whole samples, and to whole levels of the colour in which a sample
/// has this part. In other blocks, rounding errors cancel out.
fn rounded(dc: i32, part: f32) -> i32 {
    let sample = (dc + 4) >> 3;
    let level = (sample as f32 * part).round();
    (level * 8.0 / part).round() as i32
}
