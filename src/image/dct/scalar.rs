//! The inner loops in portable code.

#![allow(clippy::cast_precision_loss, reason = "totals need no more than 24 bits")]

use super::grid::{Grid, left_over};
use super::kernels::{Dequantised, Kernels, Lines, Pair};
use super::lanes::{LANES, Lanes};
use super::planes::Planes;
use super::scan::Chunk;
use super::{FREQUENCIES, ZIGZAG_LENGTH};

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

    fn add(&self, planes: &mut Planes, grids: &[Grid; 2], row: usize) {
        planes.add(grids, self, row);
    }

    fn resize_row(&self, pairs: &[Pair], grid: &Grid, outputs: &mut [Vec<Lanes>; FREQUENCIES]) {
        for (output, span) in grid.spans.iter().enumerate() {
            let pairs = pairs[span.first..][..span.count].iter();
            put(sums(pairs, &grid.weights[span.at..], grid), output, outputs);
        }
    }

    fn resize_columns(
        &self,
        lines: &Lines<'_>,
        grid: &Grid,
        output: usize,
        (column, step): (usize, usize),
        blocks: &mut [Vec<Lanes>; FREQUENCIES],
    ) {
        let span = grid.spans[output];
        for (index, block) in (column..lines.across).step_by(step).enumerate() {
            let pairs = (span.first..span.first + span.count).map(|line| &lines.line(line)[block]);
            put(sums(pairs, &grid.weights[span.at..], grid), index, blocks);
        }
    }
}

/// The weighted sums of `pairs`, for each frequency along the axis that is left over.
fn sums<'p>(pairs: impl Iterator<Item = &'p Pair>, weights: &[Pair], grid: &Grid) -> [f32; FREQUENCIES] {
    let mut totals = [0; FREQUENCIES];
    for (pair, weights) in pairs.zip(weights) {
        for (index, frequency) in left_over(grid.columns_first).into_iter().enumerate() {
            let product = |place: usize| i32::from(pair[place]) * i32::from(weights[place]);
            totals[frequency] += product(2 * index) + product(2 * index + 1);
        }
    }
    totals.map(|total| total as f32 * grid.scale)
}

fn put(values: [f32; FREQUENCIES], index: usize, rows: &mut [Vec<Lanes>; FREQUENCIES]) {
    for (row, value) in rows.iter_mut().zip(values) {
        row[index / LANES][index % LANES] = value;
    }
}
