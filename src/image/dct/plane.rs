//! One component: from the coefficients of its blocks to the resized plane.

#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use super::grid::Grid;
use super::kernels::{Kernels, Lines, Pair};
use super::lanes::{Lanes, count};
use super::{FREQUENCIES, KEPT};
use crate::error::Error;
use crate::memory;

/// A component on its way to the target. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Plane {
    /// Blocks in a row, those that only fill up the last MCU among them.
    across: usize,
    /// The coefficients of a row of MCUs that are kept, dequantised: rows of blocks. Two rows where columns are resized first.
    blocks: Vec<[i16; KEPT]>,
    /// The row of blocks with which the row of MCUs begins.
    first_slot: usize,
    /// Neighbouring blocks with their coefficients side by side: those of a row, or rows of blocks one above the other.
    pairs: Vec<Pair>,
    /// Outputs of a row.
    pub(super) width: usize,
    /// Between the passes, a row for each frequency along the other axis: the outputs of a row of blocks, resized along the row; or
    /// the blocks of a row of outputs.
    pub(super) between: [Vec<Lanes>; FREQUENCIES],
    /// The latter block by block.
    line: Vec<[f32; FREQUENCIES]>,
    /// The resized plane, row by row. Samples are counted from 128.
    pub(super) sums: Vec<f32>,
}

impl Plane {
    /// Prepares for `mcus` MCUs in a row, with `across` x `down` blocks each, which are resized to rows of `width` outputs, `height`
    /// of them. Where columns are resized first, `lines` pairs of rows are kept, and otherwise 0.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(
        &mut self,
        mcus: usize,
        (across, down): (usize, usize),
        (width, height): (usize, usize),
        lines: usize,
    ) -> Result<(), Error> {
        let across = mcus * across;
        (self.across, self.width, self.first_slot) = (across, width, 0);
        memory::zeros(&mut self.sums, width * height)?;
        let (rows, pairs, between) =
            if lines > 0 { (2, across * lines, mcus) } else { (down, across.div_ceil(2), width) };
        fill(&mut self.blocks, across * rows, [0; KEPT])?;
        fill(&mut self.pairs, pairs, [0; 2 * KEPT])?;
        for row in &mut self.between {
            memory::zeros(row, count(between))?;
        }
        memory::zeros(&mut self.line, if lines > 0 { mcus } else { 0 })
    }

    /// Keeps a block's dequantised coefficients, the first of which is `dc`.
    #[inline(always)]
    pub(super) fn put(&mut self, column: usize, slot: usize, kept: &[i16; KEPT], dc: i16) {
        let block = &mut self.blocks[(self.first_slot + slot) * self.across + column];
        *block = *kept;
        block[0] = dc;
    }

    /// Adds the row of blocks that has been resized last to the resized plane. It is row number `index` of the picture.
    #[inline(always)]
    pub(super) fn add_row(&mut self, grid: &Grid, index: usize) {
        let width = self.width;
        for output in grid.column.outputs(index) {
            let Some(weights) = grid.column.weight(output, index) else { continue };
            let sums = &mut self.sums[output * width..][..width];
            let [first, second, third, fourth, fifth] = &self.between;
            let rows = [first, second, third, fourth, fifth].map(|row| &row.as_flattened()[..width]);
            for (column, sum) in sums.iter_mut().enumerate() {
                let part = |frequency: usize| rows[frequency][column] * weights[frequency];
                *sum += part(0) + part(1) + part(2) + part(3) + part(4);
            }
        }
    }

    /// Resizes the row of blocks at `slot` along the row.
    #[inline(always)]
    pub(super) fn resize_row(&mut self, grid: &Grid, kernels: &dyn Kernels, slot: usize) {
        let blocks = &self.blocks[slot * self.across..][..self.across];
        kernels.pair([blocks, &blocks[1..]], 2, &mut self.pairs);
        kernels.resize_row(&self.pairs, grid, &mut self.between);
    }

    /// Keeps the rows of blocks of row number `row` of MCUs, of which each has `down`, for the resize of columns.
    pub(super) fn keep(&mut self, kernels: &dyn Kernels, (row, down): (usize, usize)) {
        let (above, below) = self.blocks.split_at(self.across);
        let last = (row + 1) * down - 1;
        // An upper row stands beside itself up to the time when the lower one is there.
        let below = if last.is_multiple_of(2) { above } else { below };
        let lines = self.pairs.len() / self.across;
        let line = &mut self.pairs[last / 2 % lines * self.across..][..self.across];
        kernels.pair([above, below], 1, line);
        self.first_slot = if down == 1 { (last + 1) % 2 } else { 0 };
    }

    /// Resizes columns of blocks to row number `output`: those at `slot` of the `across` in each MCU.
    #[inline(always)]
    pub(super) fn resize_columns(&mut self, grid: &Grid, kernels: &dyn Kernels, output: usize, mcu: (usize, usize)) {
        let lines = Lines { pairs: &self.pairs, across: self.across };
        kernels.resize_columns(&lines, grid, output, mcu, &mut self.between);
    }

    /// Adds the blocks that have been resized last to row number `output` of the resized plane.
    #[inline(always)]
    pub(super) fn add_columns(&mut self, grid: &Grid, output: usize, (slot, across): (usize, usize)) {
        for (frequency, row) in self.between.iter().enumerate() {
            for (block, value) in self.line.iter_mut().zip(row.as_flattened()) {
                block[frequency] = *value;
            }
        }
        let sums = &mut self.sums[output * self.width..][..self.width];
        for (sum, span) in sums.iter_mut().zip(&grid.row.spans) {
            let mut parts = [0.0; FREQUENCIES];
            let (mcu, place, count) = span.of_slot(slot, across);
            let weights = grid.row.weights.iter().skip(place).step_by(across);
            for (block, weights) in self.line[mcu..][..count].iter().zip(weights) {
                for frequency in 0..FREQUENCIES {
                    parts[frequency] += block[frequency] * weights[frequency];
                }
            }
            *sum += parts[0] + parts[1] + parts[2] + parts[3] + parts[4];
        }
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        let between = self.between.iter().map(memory::held).sum::<usize>();
        let blocks = memory::held(&self.blocks) + memory::held(&self.pairs);
        blocks + memory::held(&self.line) + between + memory::held(&self.sums)
    }
}

/// Makes `buffer` hold `length` times `value`.
fn fill<T: Copy>(buffer: &mut Vec<T>, length: usize, value: T) -> Result<(), Error> {
    buffer.clear();
    memory::reserve(buffer, length)?;
    buffer.resize(length, value);
    Ok(())
}
