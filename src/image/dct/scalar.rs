//! The inner loops in portable code.

use super::clip::{self, Change, Samples, Transform};
use super::kernels::{Dequantised, Kernels, Pair, Totals};
use super::projection::Span;
use super::scan::{Chunk, Coding};
use super::segment::Segment;
use super::{Doubt, KEPT, ZIGZAG_LENGTH};

/// The loops for every processor.
#[derive(Debug)]
pub(super) struct Scalar;

impl Kernels for Scalar {
    fn decode(&self, chunk: &mut Chunk, segment: &mut Segment<'_>, codings: &[&Coding]) -> Result<(), Doubt> {
        chunk.decode(segment, codings)
    }

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

    fn energy(&self, coefficients: &[i16; ZIGZAG_LENGTH], steps: &[i16; ZIGZAG_LENGTH]) -> i32 {
        clip::energy(coefficients, steps)
    }

    fn samples(
        &self,
        transform: &Transform,
        coefficients: &[i16; ZIGZAG_LENGTH],
        steps: &[i16; ZIGZAG_LENGTH],
        dc: i16,
    ) -> Samples {
        clip::samples(transform, coefficients, steps, dc)
    }

    fn changes(&self, transform: &Transform, y: &Samples, cb: &Samples, cr: &Samples) -> [Change; 3] {
        clip::changes(transform, y, cb, cr)
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
