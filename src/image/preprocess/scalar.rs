//! The passes without vector instructions of our own: what every processor runs, and the reference for the others.

use super::filter::{HALF, PRECISION, Weights};
use super::passes::{Passes, Rows};
use crate::error::Error;
use crate::image::CHANNELS;
use crate::memory;
use crate::stop::Stop;

/// Rows that a pass works on before it asks again whether to stop.
const BAND: usize = 16;

/// A sum in fixed point, as a byte.
pub(super) fn to_byte(sum: i32) -> u8 {
    #[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
    let byte = (sum >> PRECISION).clamp(0, 255) as u8;
    byte
}

/// The passes, with the sums of one row.
#[derive(Debug, Default)]
pub(super) struct Scalar {
    sums: Vec<i32>,
}

impl Passes for Scalar {
    fn horizontal(&mut self, source: Rows<'_>, weights: &Weights, output: &mut [u8], stop: &Stop) -> Result<(), Error> {
        let rows = source.bytes.chunks_exact(source.stride);
        for (index, (row, output)) in rows.zip(output.chunks_exact_mut(weights.len() * CHANNELS)).enumerate() {
            if index % BAND == 0 {
                stop.check()?;
            }
            for (taps, pixel) in weights.taps().zip(output.chunks_exact_mut(CHANNELS)) {
                let mut sums = [HALF; CHANNELS];
                let pixels = row[taps.start * CHANNELS..].chunks_exact(CHANNELS);
                for (weight, tap) in taps.weights.iter().zip(pixels) {
                    for (sum, value) in sums.iter_mut().zip(tap) {
                        *sum += weight * i32::from(*value);
                    }
                }
                for (value, sum) in pixel.iter_mut().zip(sums) {
                    *value = to_byte(sum);
                }
            }
        }
        Ok(())
    }

    fn vertical(&mut self, source: Rows<'_>, weights: &Weights, output: &mut [u8], stop: &Stop) -> Result<(), Error> {
        let sums = &mut self.sums;
        memory::resize(sums, source.stride)?;
        for (index, (taps, output)) in weights.taps().zip(output.chunks_exact_mut(source.stride)).enumerate() {
            if index % BAND == 0 {
                stop.check()?;
            }
            sums.fill(HALF);
            let rows = source.bytes[taps.start * source.stride..].chunks_exact(source.stride);
            for (weight, row) in taps.weights.iter().zip(rows) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += weight * i32::from(*value);
                }
            }
            for (value, sum) in output.iter_mut().zip(sums.iter()) {
                *value = to_byte(*sum);
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        memory::held(&self.sums)
    }
}
