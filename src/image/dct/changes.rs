//! What the limits of samples and colours change in the resized picture.
//!
//! Changes come from blocks that leave the range of a byte (`clip`), and from Pillow: it limits and rounds the colours between
//! its two passes, and a bicubic filter overshoots beside hard edges.

use super::BLOCK;
use super::clip::{Change, Transform, colours, weights};
use super::grid::Grid;
use crate::error::Error;
use crate::memory;

/// Levels by which colours between the passes leave the range before it counts.
const NEGLIGIBLE: f32 = 1.0;

/// What limits change in one block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    pub(super) column: usize,
    /// The row of blocks in the row of MCUs.
    pub(super) slot: usize,
    /// The lowest coefficients of the change: the first, the next along a row, and the next along a column.
    pub(super) changes: [Change; 3],
}

/// A value for red, green and blue of each output.
type Colours = [Vec<f32>; 3];

/// The changes of a picture. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Those in the blocks of a row of MCUs.
    pub(super) blocks: Vec<Changed>,
    /// Those in a row of blocks, resized along the row: the first two coefficients along the column.
    between: [Colours; 2],
    /// The same before the limits between the passes.
    before: [Colours; 2],
    pub(super) extents: Extents,
    samples: RowOfSamples,
    /// Whether `between` has any.
    has_any: bool,
    /// Those in the outputs, row by row.
    pub(super) sums: Colours,
}

/// One row of Y, Cb and Cr between the passes.
type RowOfSamples = [Vec<f32>; 3];

/// A row of blocks between the two passes: the coefficients along the column of each output, a row for each frequency.
pub(super) type Between<'a> = &'a [Vec<f32>; super::FREQUENCIES];

impl Changes {
    /// Prepares for `blocks` blocks in a row of MCUs.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(&mut self, blocks: usize, (width, height): (usize, usize)) -> Result<(), Error> {
        self.blocks.clear();
        memory::reserve(&mut self.blocks, blocks)?;
        let between = self.between.iter_mut().chain(&mut self.before).flatten();
        for row in between.chain(&mut self.samples) {
            memory::zeros(row, width)?;
        }
        for plane in &mut self.sums {
            memory::zeros(plane, width * height)?;
        }
        self.has_any = false;
        self.extents.set(width)
    }

    /// Resizes the changes of the blocks at `slot` along the row.
    pub(super) fn resize_row(&mut self, grid: &Grid, slot: usize) {
        for Changed { column, changes: [flat, along_row, along_column], .. } in
            self.blocks.iter().filter(|changed| changed.slot == slot)
        {
            self.has_any = true;
            for output in grid.row.outputs(*column) {
                let Some(weights) = grid.row.weight(output, *column) else { continue };
                let [first, next] = &mut self.between;
                for channel in 0..first.len() {
                    first[channel][output] += flat[channel] * weights[0] + along_row[channel] * weights[1];
                    next[channel][output] += along_column[channel] * weights[0];
                }
            }
        }
    }

    /// Limits the colours between the passes in a row of blocks: `y` and, at `slot` of `down` rows of blocks that share them,
    /// `cb` and `cr`.
    pub(super) fn limit_row(
        &mut self,
        transform: &Transform,
        y: Between<'_>,
        chroma: Option<[Between<'_>; 2]>,
        (slot, down): (usize, usize),
    ) {
        let changed = if self.has_any { self.most() } else { 0.0 };
        if self.extents.of_luma(y) + changed <= 127.5 + NEGLIGIBLE {
            return;
        }
        self.has_any = true;
        for (before, between) in self.before.iter_mut().flatten().zip(self.between.iter().flatten()) {
            before.copy_from_slice(between);
        }
        for sample in 0..BLOCK {
            let [row, colours @ ..] = &mut self.samples;
            transform.row(y, sample, row);
            for (plane, row) in chroma.into_iter().flatten().zip(colours) {
                transform.row(plane, (slot * BLOCK + sample) / down, row);
            }
            let parts = [transform.part(0, sample), transform.part(1, sample)];
            let ([first, next], [first_before, next_before]) = (&mut self.between, &self.before);
            for channel in 0..first.len() {
                let before = [&first_before[channel][..], &next_before[channel][..]];
                limit(&self.samples, channel, parts, before, [&mut first[channel], &mut next[channel]]);
            }
        }
    }

    /// Adds row number `row` of blocks to the outputs.
    pub(super) fn add_row(&mut self, grid: &Grid, row: usize) {
        if !std::mem::take(&mut self.has_any) {
            return;
        }
        let [first, next] = &mut self.between;
        for output in grid.column.outputs(row) {
            let Some(weights) = grid.column.weight(output, row) else { continue };
            for ((first, next), sums) in first.iter().zip(next.iter()).zip(&mut self.sums) {
                let sums = &mut sums[output * first.len()..];
                for ((sum, first), next) in sums.iter_mut().zip(first).zip(next) {
                    *sum += first * weights[0] + next * weights[1];
                }
            }
        }
        for row in first.iter_mut().chain(next) {
            row.fill(0.0);
        }
    }

    /// The most that changes add to a sample.
    fn most(&self) -> f32 {
        let most = |rows: &Colours| rows.iter().flatten().fold(0.0_f32, |most, value| larger(most, value.abs()));
        most(&self.between[0]) * MEAN + most(&self.between[1]) / 2.0
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        let colours = [&self.between[0], &self.between[1], &self.before[0], &self.before[1], &self.samples, &self.sums];
        memory::held(&self.blocks) + colours.into_iter().flatten().map(memory::held).sum::<usize>()
    }
}

/// Adds what the limits change in one colour of a row of samples to the two coefficients `after`; the colour has those of
/// `before` already. `parts` are those of the coefficients in this row.
fn limit(
    [y, cb, cr]: &RowOfSamples,
    channel: usize,
    parts: [f32; 2],
    before: [&[f32]; 2],
    [first, next]: [&mut [f32]; 2],
) {
    let width = first.len();
    let (y, cb, cr, before) = (&y[..width], &cb[..width], &cr[..width], before.map(|row| &row[..width]));
    let next = &mut next[..width];
    let [weight_cb, weight_cr] = weights(channel);
    for output in 0..width {
        let changed = before[0][output] * parts[0] + before[1][output] * parts[1];
        let colour = y[output] + cb[output] * weight_cb + cr[output] * weight_cr + changed;
        let change = colour.clamp(-128.0, 127.0) - colour;
        first[output] += change * parts[0];
        next[output] += change * parts[1];
    }
}

fn larger(left: f32, right: f32) -> f32 {
    if left > right { left } else { right }
}

/// The mean of a row of samples is its first coefficient times this.
const MEAN: f32 = 0.353_553_39;

/// How far the colours of each output may be from the middle of the range in a row of blocks: by the means of their samples, and
/// the other frequencies, none of which has more than half its coefficient in a sample.
#[derive(Debug, Default)]
pub(super) struct Extents {
    /// The means of what Cb and Cr are in red, green and blue.
    colours: [Vec<f32>; 3],
    /// The most that their other frequencies change.
    around: Vec<f32>,
}

impl Extents {
    fn set(&mut self, width: usize) -> Result<(), Error> {
        let Self { colours: [red, green, blue], around } = self;
        for row in [red, green, blue, around] {
            memory::zeros(row, width)?;
        }
        Ok(())
    }

    /// Takes the parts of Cb and Cr, for all rows of blocks of Y beside them.
    pub(super) fn set_chroma(&mut self, [cb, cr]: [Between<'_>; 2]) {
        for output in 0..self.around.len() {
            let most = |plane: Between<'_>| -> f32 { plane[1..].iter().map(|row| row[output].abs()).sum() };
            let parts = colours(0.0, cb[0][output] * MEAN, cr[0][output] * MEAN);
            for (row, part) in self.colours.iter_mut().zip(parts) {
                row[output] = part;
            }
            // Twice a half.
            self.around[output] = most(cb) + most(cr);
        }
    }

    /// The most in a row of blocks of Y.
    fn of_luma(&mut self, y: Between<'_>) -> f32 {
        let Self { colours: [red, green, blue], around } = self;
        let width = around.len();
        let [means, first, second, third, fourth] = y.each_ref().map(|row| &row[..width]);
        let (red, green, blue, around) = (&red[..width], &green[..width], &blue[..width], &around[..width]);
        let mut extent = 0.0;
        for output in 0..width {
            let mean = means[output] * MEAN;
            let part = |row: &[f32]| (mean + row[output]).abs();
            let most = |row: &[f32]| row[output].abs();
            let around = around[output] + (most(first) + most(second) + most(third) + most(fourth)) / 2.0;
            extent = larger(extent, larger(larger(part(red), part(green)), part(blue)) + around);
        }
        extent
    }
}
