//! The inner loops, which `scalar` and `avx2` implement with the same results.

#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use std::fmt;
use std::ops::Range;

use super::clip::{self, Change, Samples, Transform};
use super::grid::Grid;
use super::lanes::Lanes;
use super::mcus::Mcus;
use super::planes::Planes;
use super::scan::{Chunk, Order};
use super::segment::Segment;
use super::{Doubt, FREQUENCIES, KEPT, ZIGZAG_LENGTH};
use crate::error::Error;

/// Two neighbouring blocks, their kept coefficients side by side; or their weights.
pub(super) type Pair = [i16; 2 * KEPT];

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
    fn decode(&self, chunk: &mut Chunk, segment: &mut Segment<'_>, order: &Order<'_>) -> Result<(), Doubt> {
        chunk.decode(segment, order)
    }

    /// See [`Mcus::put`].
    ///
    /// # Errors
    /// As there.
    fn put(&self, mcus: &mut Mcus<'_>, numbers: Range<usize>, planes: &mut Planes) -> Result<(), Doubt> {
        mcus.put(numbers, planes)
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

    /// Puts every `step`th block of two rows side by side. Where the second row ends, the first's stand twice: the weights of what
    /// is behind an end are zeros.
    fn pair(&self, [first, second]: [&[[i16; KEPT]]; 2], step: usize, pairs: &mut [Pair]) {
        for (index, pair) in pairs.iter_mut().enumerate() {
            let (first, second) = beside(first, second, index * step);
            for index in 0..KEPT {
                (pair[2 * index], pair[2 * index + 1]) = (first[index], second[index]);
            }
        }
    }

    /// See [`Planes::add`].
    fn add(&self, planes: &mut Planes, grids: &[Grid; 2], row: usize);

    /// See [`Planes::write`].
    ///
    /// # Errors
    /// As there.
    fn write(&self, planes: &Planes, pixels: &mut Vec<u8>) -> Result<(), Error> {
        planes.write(pixels)
    }

    /// Resizes a row of blocks along the row. Each output reads the pairs of its span with its weights, and the sums are multiplied
    /// by the scale: for each frequency along the column, a row of outputs.
    fn resize_row(&self, pairs: &[Pair], grid: &Grid, outputs: &mut [Vec<Lanes>; FREQUENCIES]);

    /// Resizes columns of blocks to row number `output`: all whose numbers are `column` and any number of `step`s more. For each
    /// frequency along the row, a row of blocks.
    fn resize_columns(
        &self,
        lines: &Lines<'_>,
        grid: &Grid,
        output: usize,
        columns: (usize, usize),
        blocks: &mut [Vec<Lanes>; FREQUENCIES],
    );
}

/// Rows of pairs, one above the other. They are as many as are kept, and stand in turn.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) pairs: &'a [Pair],
    /// Pairs of a row.
    pub(super) across: usize,
}

impl<'a> Lines<'a> {
    /// Row number `line`, if it is one of the last.
    #[inline(always)]
    pub(super) fn line(self, line: usize) -> &'a [Pair] {
        let kept = self.pairs.len() / self.across;
        &self.pairs[line % kept * self.across..][..self.across]
    }
}

/// A block and the one beside it.
#[inline(always)]
pub(super) fn beside<'b>(
    first: &'b [[i16; KEPT]],
    second: &'b [[i16; KEPT]],
    index: usize,
) -> (&'b [i16; KEPT], &'b [i16; KEPT]) {
    (&first[index], second.get(index).unwrap_or(&first[index]))
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
