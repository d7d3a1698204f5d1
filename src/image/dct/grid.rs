//! The weights of a component: those that its blocks have in the resized plane.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sums of weights need no more than 24 bits"
)]

use super::kernels::Pair;
use super::projection::{Projection, Span, Upsampling};
use super::{FREQUENCIES, KEPT};
use crate::error::Error;
use crate::image::Size;
use crate::image::preprocess::Stored;
use crate::memory;

/// The most fraction bits of a weight along a row. With it, sums over the blocks of an output do not overflow for blocks of up to
/// [`MOST`](super::block::MOST).
const MOST_FRACTION: i32 = 17;

/// The frequency along a row and that along a column of the coefficients that are kept, in the order of the file (T.81, figure A.6).
/// The sixteenth is not used.
const ACROSS: [usize; KEPT] = [0, 1, 0, 0, 1, 2, 3, 2, 1, 0, 0, 1, 2, 3, 4, 0];
pub(super) const DOWN: [usize; KEPT] = [0, 0, 1, 2, 1, 0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 5];

/// The weights along both axes. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Grid {
    pub(super) row: Projection,
    pub(super) column: Projection,
    /// The weights along a row for two neighbouring blocks each, as whole numbers.
    pub(super) weights: Vec<Pair>,
    /// The pairs of blocks that an output reads along a row.
    pub(super) spans: Vec<Span>,
    /// What a sum with these weights is multiplied by.
    pub(super) scale: f32,
}

impl Grid {
    /// Computes the weights for a picture of `size`, whose component has a sample for `pixels` pixels along a row and along a
    /// column.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(&mut self, resize: Stored<'_>, size: Size, pixels: (usize, usize)) -> Result<(), Error> {
        self.row.set(resize.row, Upsampling::of(pixels.0), size.width as usize)?;
        self.column.set(resize.column, Upsampling::of(pixels.1), size.height as usize)?;
        self.quantise()
    }

    /// Makes whole numbers of the weights along a row, as large as fit into 16 bits.
    fn quantise(&mut self) -> Result<(), Error> {
        let Self { row, weights, spans, scale, .. } = self;
        let largest = row.weights.iter().flatten().fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
        let fraction = ((f32::from(i16::MAX) / largest).log2().floor() as i32).min(MOST_FRACTION);
        *scale = (-fraction as f32).exp2();
        weights.clear();
        spans.clear();
        memory::reserve(weights, row.weights.len() + row.spans.len())?;
        memory::reserve(spans, row.spans.len())?;
        for (output, span) in row.spans.iter().enumerate() {
            let (first, end) = (span.first / 2, (span.first + span.count).div_ceil(2));
            spans.push(Span { first, at: weights.len(), count: end - first });
            for pair in first..end {
                let of_block = |block: usize| row.weight(output, block).copied().unwrap_or([0.0; FREQUENCIES]);
                let both = [of_block(pair * 2), of_block(pair * 2 + 1)];
                let weight = |kept: usize, block: usize| (both[block][ACROSS[kept]] / *scale).round() as i16;
                let is_used = |kept: usize| kept + 1 < KEPT;
                weights.push(std::array::from_fn(
                    |place| {
                        if is_used(place / 2) { weight(place / 2, place % 2) } else { 0 }
                    },
                ));
            }
        }
        Ok(())
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        self.row.held() + self.column.held() + memory::held(&self.weights)
    }
}
