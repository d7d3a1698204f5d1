//! The passes without vector instructions of our own: what every processor runs, and what the
//! others are tested against.

use super::filter::{Filter, HALF, PRECISION};
use super::resize::{CHANNELS, Passes};

/// A sum in fixed point, as a byte.
pub(super) fn to_byte(sum: i32) -> u8 {
    #[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
    let byte = (sum >> PRECISION).clamp(0, 255) as u8;
    byte
}

/// The passes, and the sums of one row.
#[derive(Debug, Default)]
pub(super) struct Scalar {
    sums: Vec<i32>,
}

impl Passes for Scalar {
    fn horizontal(&mut self, source: &[u8], width: usize, filter: &Filter, output: &mut [u8]) {
        let rows = source.chunks_exact(width * CHANNELS);
        for (row, output) in rows.zip(output.chunks_exact_mut(filter.len() * CHANNELS)) {
            for (window, pixel) in filter.windows().zip(output.chunks_exact_mut(CHANNELS)) {
                let mut sums = [HALF; CHANNELS];
                let taps = row[window.start * CHANNELS..].chunks_exact(CHANNELS);
                for (weight, tap) in window.weights.iter().zip(taps) {
                    for (sum, value) in sums.iter_mut().zip(tap) {
                        *sum += weight * i32::from(*value);
                    }
                }
                for (value, sum) in pixel.iter_mut().zip(sums) {
                    *value = to_byte(sum);
                }
            }
        }
    }

    fn vertical(&mut self, source: &[u8], row_bytes: usize, filter: &Filter, output: &mut [u8]) {
        let sums = &mut self.sums;
        sums.resize(row_bytes, HALF);
        for (window, output) in filter.windows().zip(output.chunks_exact_mut(row_bytes)) {
            sums.fill(HALF);
            let taps = source[window.start * row_bytes..].chunks_exact(row_bytes);
            for (weight, row) in window.weights.iter().zip(taps) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += weight * i32::from(*value);
                }
            }
            for (value, sum) in output.iter_mut().zip(sums.iter()) {
                *value = to_byte(*sum);
            }
        }
    }
}
