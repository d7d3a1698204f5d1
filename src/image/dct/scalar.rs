//! The inner loops in portable code.

use super::kernels::{Dequantised, Kernels, Pair, Totals};
use super::projection::Span;
use super::scan::Chunk;
use super::{KEPT, ZIGZAG_LENGTH};

/// The loops for every processor.
#[derive(Debug)]
pub(super) struct Scalar;

impl Kernels for Scalar {
    fn dequantise(&self, chunk: &Chunk, steps: &[&[i16; ZIGZAG_LENGTH]], blocks: &mut [Dequantised]) {
        for (index, (block, steps)) in blocks.iter_mut().zip(steps).enumerate() {
            let values = chunk.block(index);
            let absolute = |(value, step): (&i16, &i16)| i32::from(value.abs()) * i32::from(*step);
            block.deviation = values.iter().zip(*steps).skip(1).map(absolute).sum();
            for ((kept, value), step) in block.kept.iter_mut().zip(values).zip(*steps) {
                *kept = value.wrapping_mul(*step);
            }
        }
    }

    fn resize_row(&self, pairs: &[Pair], spans: &[Span], weights: &[Pair], outputs: &mut [Totals]) {
        for (span, totals) in spans.iter().zip(outputs) {
            *totals = [0; KEPT];
            let (pairs, weights) = (&pairs[span.first..][..span.count], &weights[span.at..][..span.count]);
            for (pair, weights) in pairs.iter().zip(weights) {
                for (index, total) in totals.iter_mut().enumerate() {
                    let product = |place: usize| i32::from(pair[place]) * i32::from(weights[place]);
                    *total += product(2 * index) + product(2 * index + 1);
                }
            }
        }
    }
}
