//! The inner loops, which `scalar` and `avx2` implement with the same results.

use std::fmt;

use super::clip::{self, Change, Samples, Transform};
use super::projection::Span;
use super::scan::{Chunk, Coding};
use super::segment::Segment;
use super::{Doubt, KEPT, ZIGZAG_LENGTH};

/// Two neighbouring blocks, their kept coefficients side by side; or their weights.
pub(super) type Pair = [i16; 2 * KEPT];

/// For each kept coefficient, the weighted sum over the blocks of an output.
pub(super) type Totals = [i32; KEPT];

/// A block whose DC coefficient is still the difference to the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dequantised {
    /// The sum of the absolute values of all coefficients but the first.
    pub(super) deviation: i32,
    /// The first coefficients, modulo 2^16.
    pub(super) kept: [i16; KEPT],
}

/// One implementation of the inner loops. What is provided is the portable code.
pub(super) trait Kernels: fmt::Debug + Send + Sync {
    /// See [`Chunk::decode`].
    ///
    /// # Errors
    /// As there.
    fn decode(&self, chunk: &mut Chunk, segment: &mut Segment<'_>, codings: &[&Coding]) -> Result<(), Doubt> {
        chunk.decode(segment, codings)
    }

    /// Dequantises the first blocks of `chunk`, one for each of `steps`.
    fn dequantise(&self, chunk: &Chunk, steps: &[&[i16; ZIGZAG_LENGTH]], blocks: &mut [Dequantised]);

    /// See [`clip::energy`].
    fn energy(&self, coefficients: &[i16; ZIGZAG_LENGTH], steps: &[i16; ZIGZAG_LENGTH]) -> i32 {
        clip::energy(coefficients, steps)
    }

    /// See [`clip::samples`].
    fn samples(
        &self,
        transform: &Transform,
        coefficients: &[i16; ZIGZAG_LENGTH],
        steps: &[i16; ZIGZAG_LENGTH],
        dc: i16,
    ) -> Samples {
        clip::samples(transform, coefficients, steps, dc)
    }

    /// See [`clip::changes`].
    fn changes(&self, transform: &Transform, y: &Samples, cb: &Samples, cr: &Samples) -> [Change; 3] {
        clip::changes(transform, y, cb, cr)
    }

    /// Resizes a row of blocks along the row: the totals of each output, which reads the pairs of its span with its weights.
    fn resize_row(&self, pairs: &[Pair], spans: &[Span], weights: &[Pair], outputs: &mut [Totals]);
}

/// The fastest implementation that this processor runs.
pub(super) fn fastest() -> &'static dyn Kernels {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("bmi2") {
        return &super::avx2::Avx2;
    }
    &super::scalar::Scalar
}

#[cfg(test)]
mod tests;
