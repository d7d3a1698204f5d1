//! One component: from the coefficients of its blocks to the resized plane.

#![allow(clippy::cast_precision_loss, reason = "totals need no more than 24 bits")]

use super::grid::{DOWN, Grid};
use super::kernels::{Kernels, Pair, Totals};
use super::{FREQUENCIES, KEPT};
use crate::error::Error;
use crate::memory;

/// A component on its way to the target. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Plane {
    /// Blocks in a row, those that only fill up the last MCU among them.
    across: usize,
    /// The coefficients of a row of MCUs that are kept, dequantised: rows of blocks.
    blocks: Vec<[i16; KEPT]>,
    /// A row of blocks, two by two with their coefficients side by side.
    pairs: Vec<Pair>,
    totals: Vec<Totals>,
    /// A row of blocks, resized along the row: a row of outputs for each frequency along the column.
    pub(super) between: [Vec<f32>; FREQUENCIES],
    /// The resized plane, row by row. Samples are counted from 128.
    pub(super) sums: Vec<f32>,
}

impl Plane {
    /// Prepares for `down` rows of `across` blocks in a row of MCUs, which are resized to rows of `width` outputs, `height` of
    /// them.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(&mut self, (across, down): (usize, usize), (width, height): (usize, usize)) -> Result<(), Error> {
        self.across = across;
        memory::zeros(&mut self.sums, width * height)?;
        fill(&mut self.blocks, across * down, [0; KEPT])?;
        fill(&mut self.pairs, across.div_ceil(2), [0; 2 * KEPT])?;
        fill(&mut self.totals, width, [0; KEPT])?;
        for between in &mut self.between {
            memory::zeros(between, width)?;
        }
        Ok(())
    }

    /// Keeps a block's dequantised coefficients, the first of which is `dc`.
    #[inline]
    pub(super) fn put(&mut self, column: usize, slot: usize, kept: &[i16; KEPT], dc: i16) {
        let block = &mut self.blocks[slot * self.across + column];
        *block = *kept;
        block[0] = dc;
    }

    /// Adds the row of blocks that has been resized last to the resized plane. It is row number `index` of the picture.
    pub(super) fn add_row(&mut self, grid: &Grid, index: usize) {
        let width = self.totals.len();
        for output in grid.column.outputs(index) {
            let Some(weights) = grid.column.weight(output, index) else { continue };
            let sums = &mut self.sums[output * width..][..width];
            let rows = self.between.each_ref().map(|row| &row[..width]);
            for (column, sum) in sums.iter_mut().enumerate() {
                let part = |frequency: usize| rows[frequency][column] * weights[frequency];
                *sum += part(0) + part(1) + part(2) + part(3) + part(4);
            }
        }
    }

    /// Resizes the row of blocks at `slot` along the row.
    pub(super) fn resize_row(&mut self, grid: &Grid, kernels: &dyn Kernels, slot: usize) {
        let blocks = &self.blocks[slot * self.across..][..self.across];
        for (pair, blocks) in self.pairs.iter_mut().zip(blocks.chunks(2)) {
            // Behind an odd number of blocks, the weights are zeros.
            let (first, second) = (blocks[0], blocks.last().copied().unwrap_or_default());
            for index in 0..KEPT {
                pair[2 * index] = first[index];
                pair[2 * index + 1] = second[index];
            }
        }
        kernels.resize_row(&self.pairs, &grid.spans, &grid.weights, &mut self.totals);
        for (output, totals) in self.totals.iter().enumerate() {
            let mut between = [0.0; FREQUENCIES];
            for (total, down) in totals.iter().zip(DOWN).take(KEPT - 1) {
                between[down] += *total as f32;
            }
            for (row, value) in self.between.iter_mut().zip(between) {
                row[output] = value * grid.scale;
            }
        }
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        let floats = self.between.iter().chain([&self.sums]).map(memory::held).sum::<usize>();
        memory::held(&self.blocks) + memory::held(&self.pairs) + memory::held(&self.totals) + floats
    }
}

/// Makes `buffer` hold `length` times `value`.
fn fill<T: Copy>(buffer: &mut Vec<T>, length: usize, value: T) -> Result<(), Error> {
    buffer.clear();
    memory::reserve(buffer, length)?;
    buffer.resize(length, value);
    Ok(())
}
