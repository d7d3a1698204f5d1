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

/// The most fraction bits of a weight along the first axis. With it, sums over the blocks of an output do not overflow for blocks of up to
/// [`MOST`](super::block::MOST).
const MOST_FRACTION: i32 = 17;

/// The frequency along a row and that along a column of the coefficients that are kept, in the order of the file (T.81, figure A.6).
/// The sixteenth is not used.
const ACROSS: [usize; KEPT] = [0, 1, 0, 0, 1, 2, 3, 2, 1, 0, 0, 1, 2, 3, 4, 0];
const DOWN: [usize; KEPT] = [0, 0, 1, 2, 1, 0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0];

/// The weights along both axes. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Grid {
    pub(super) row: Projection,
    pub(super) column: Projection,
    /// Whether the columns are resized first, and not the rows.
    pub(super) columns_first: bool,
    /// The weights along the first axis for two neighbouring blocks each, as whole numbers.
    pub(super) weights: Vec<Pair>,
    /// The pairs of blocks that an output reads along the first axis.
    pub(super) spans: Vec<Span>,
    /// What a sum with these weights is multiplied by.
    pub(super) scale: f32,
}

/// For each kept coefficient, the frequency along the axis that is resized last.
pub(super) const fn left_over(columns_first: bool) -> [usize; KEPT] {
    if columns_first { ACROSS } else { DOWN }
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
        self.columns_first = resize.vertical_first;
        self.quantise()
    }

    /// Makes whole numbers of the weights along the first axis, as large as fit into 16 bits.
    fn quantise(&mut self) -> Result<(), Error> {
        let Self { row, column, columns_first, weights, spans, scale } = self;
        let first = if *columns_first { column } else { row };
        let frequencies = left_over(!*columns_first);
        let largest = first.weights.iter().flatten().fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
        let fraction = ((f32::from(i16::MAX) / largest).log2().floor() as i32).min(MOST_FRACTION);
        *scale = (-fraction as f32).exp2();
        weights.clear();
        spans.clear();
        // As many pairs for each, so that the processor can predict the end of the loop over them.
        let pairs = |span: &Span| (span.first / 2, (span.first + span.count).div_ceil(2));
        let count = first.spans.iter().map(pairs).fold(0, |most, (first, end)| most.max(end - first));
        memory::reserve(weights, count * first.spans.len())?;
        memory::reserve(spans, first.spans.len())?;
        for (output, span) in first.spans.iter().enumerate() {
            let begin = pairs(span).0.min(first.blocks().div_ceil(2) - count);
            spans.push(Span { first: begin, at: weights.len(), count });
            for pair in begin..begin + count {
                let mut both = [[0; FREQUENCIES]; 2];
                for (block, whole) in both.iter_mut().enumerate() {
                    let Some(exact) = first.weight(output, pair * 2 + block) else { continue };
                    for (whole, exact) in whole.iter_mut().zip(exact) {
                        *whole = (exact / *scale).round() as i16;
                    }
                }
                let mut weight = [0; 2 * KEPT];
                for (kept, frequency) in frequencies.into_iter().take(KEPT - 1).enumerate() {
                    (weight[2 * kept], weight[2 * kept + 1]) = (both[0][frequency], both[1][frequency]);
                }
                weights.push(weight);
            }
        }
        Ok(())
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        self.row.held() + self.column.held() + memory::held(&self.weights) + memory::held(&self.spans)
    }
}
