//! The luminance of pixels, as Pillow's `convert("L")` computes it.

use crate::error::Error;
use crate::image::CHANNELS;
use crate::stop::Stop;

/// ITU-R BT.601's weights of red, green and blue in fixed point with 16 bits of fraction (Pillow's `Convert.c`).
const WEIGHTS: [u32; CHANNELS] = [19_595, 38_470, 7_471];

const PRECISION: u32 = 16;

/// Bytes that are turned before it asks again whether to stop.
const BAND: usize = 4 << 20;

/// Gives the three values of each RGB triple its luminance.
///
/// # Errors
/// What [`Stop::check`] returns.
pub(super) fn to_gray(pixels: &mut [u8], stop: &Stop) -> Result<(), Error> {
    for band in pixels.chunks_mut(BAND / CHANNELS * CHANNELS) {
        stop.check()?;
        for pixel in band.chunks_exact_mut(CHANNELS) {
            let sum: u32 = pixel.iter().zip(WEIGHTS).map(|(value, weight)| u32::from(*value) * weight).sum();
            #[expect(clippy::cast_possible_truncation, reason = "the weights' sum is 1")]
            pixel.fill(((sum + (1 << (PRECISION - 1))) >> PRECISION) as u8);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of Pillow 13.
    #[test]
    fn the_luminance_is_pillows() {
        let mut pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30, 7, 7, 7];
        to_gray(&mut pixels, &Stop::never()).unwrap();
        let values: Vec<u8> = pixels.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(values, [76, 150, 29, 255, 18, 7]);
        assert!(pixels.chunks(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    }
}
