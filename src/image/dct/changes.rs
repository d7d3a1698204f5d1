//! What the limits of samples and colours change in the resized picture.
//!
//! Changes come from blocks that leave the range of a byte (`clip`), and from Pillow: it limits and rounds the colours between
//! its two passes, and a bicubic filter overshoots beside hard edges.

#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use super::clip::{Change, Transform, weights};
use super::grid::Grid;
use super::lanes::{LANES, Lanes, count};
use super::{BLOCK, FREQUENCIES};
use crate::error::Error;
use crate::memory;

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
type Colours = [Vec<Lanes>; 3];

/// The changes of a picture. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Those in the blocks of a row of MCUs.
    pub(super) blocks: Vec<Changed>,
    /// Those in a row of blocks, resized along the row: the first two coefficients along the column. Or the other way around.
    between: [Colours; 2],
    /// Where columns are resized first: those in the rows of outputs that are begun, as `between` has them for one.
    begun: Vec<Lanes>,
    /// How many there is room for.
    rows: usize,
    /// Blocks of Y along a row of an MCU.
    across: usize,
    /// Whether `between` has any.
    has_any: bool,
    /// Those in the outputs, row by row.
    pub(super) sums: [Vec<f32>; 3],
}

/// A row of blocks between the two passes: the coefficients along the column of each output, a row for each frequency.
pub(super) type Between<'a> = &'a [Vec<Lanes>; FREQUENCIES];

/// Rows of `between`.
const ROWS: usize = 6;

impl Changes {
    /// Prepares for `mcus` MCUs in a row, which have `across` x `down` blocks of Y. Where columns are resized first, `rows` rows of
    /// outputs are begun at once, and otherwise 0.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(
        &mut self,
        mcus: usize,
        (across, down): (usize, usize),
        (width, height): (usize, usize),
        rows: usize,
    ) -> Result<(), Error> {
        self.blocks.clear();
        memory::reserve(&mut self.blocks, mcus * across * down)?;
        (self.across, self.rows) = (across, rows);
        let between = if rows > 0 { mcus } else { width };
        for row in self.between.iter_mut().flatten() {
            memory::zeros(row, count(between))?;
        }
        memory::zeros(&mut self.begun, rows * across * ROWS * count(between))?;
        for plane in &mut self.sums {
            memory::zeros(plane, width * height)?;
        }
        self.has_any = false;
        Ok(())
    }

    /// Resizes the changes of the blocks at `slot` along the row.
    #[inline(always)]
    pub(super) fn resize_row(&mut self, grid: &Grid, slot: usize) {
        for Changed { column, changes: [flat, along_row, along_column], .. } in
            self.blocks.iter().filter(|changed| changed.slot == slot)
        {
            self.has_any = true;
            for output in grid.row.outputs(*column) {
                let Some(weights) = grid.row.weight(output, *column) else { continue };
                let [first, next] = &mut self.between;
                for channel in 0..first.len() {
                    let (vector, lane) = (output / LANES, output % LANES);
                    first[channel][vector][lane] += flat[channel] * weights[0] + along_row[channel] * weights[1];
                    next[channel][vector][lane] += along_column[channel] * weights[0];
                }
            }
        }
    }

    /// Limits the colours between the passes in a row of blocks: `y` and, at `slot` of `down` rows of blocks that share them,
    /// `cb` and `cr`.
    #[inline(always)]
    pub(super) fn limit_row(
        &mut self,
        transform: &Transform,
        y: Between<'_>,
        chroma: Option<[Between<'_>; 2]>,
        (slot, down): (usize, usize),
    ) {
        for at in 0..y[0].len() {
            let mut block = Blocks { y: read(y, at), ..Blocks::default() };
            if let Some([cb, cr]) = chroma {
                (block.cb, block.cr) = (read(cb, at), read(cr, at));
            }
            for (channel, changes) in block.changes.iter_mut().enumerate() {
                *changes = [self.between[0][channel][at], self.between[1][channel][at]];
            }
            if block.may_leave_range() {
                self.has_any = true;
                let changes = block.limited(transform, (slot, down));
                for (channel, changes) in changes.into_iter().enumerate() {
                    [self.between[0][channel][at], self.between[1][channel][at]] = changes;
                }
            }
        }
    }

    /// Adds row number `row` of blocks to the outputs.
    #[inline(always)]
    pub(super) fn add_row(&mut self, grid: &Grid, row: usize, width: usize) {
        if !std::mem::take(&mut self.has_any) {
            return;
        }
        let [first, next] = &mut self.between;
        for output in grid.column.outputs(row) {
            let Some(weights) = grid.column.weight(output, row) else { continue };
            for ((first, next), sums) in first.iter().zip(next.iter()).zip(&mut self.sums) {
                let sums = &mut sums[output * width..][..width];
                for ((sum, first), next) in sums.iter_mut().zip(first.as_flattened()).zip(next.as_flattened()) {
                    *sum += first * weights[0] + next * weights[1];
                }
            }
        }
        for row in first.iter_mut().chain(next) {
            row.fill([0.0; LANES]);
        }
    }

    /// Resizes the changes of the blocks along the columns. Their row of MCUs begins with row number `row` of blocks.
    #[inline(always)]
    pub(super) fn resize_columns(&mut self, grid: &Grid, row: usize) {
        let width = self.between[0][0].len();
        for Changed { column, slot, changes: [flat, along_row, along_column] } in &self.blocks {
            let (mcu, place) = (column / self.across, column % self.across);
            for output in grid.column.outputs(row + slot) {
                let Some(weights) = grid.column.weight(output, row + slot) else { continue };
                let rows = &mut self.begun[(output % self.rows * self.across + place) * ROWS * width..];
                for channel in 0..3 {
                    let first = &mut rows[channel * width + mcu / LANES][mcu % LANES];
                    *first += flat[channel] * weights[0] + along_column[channel] * weights[1];
                    let next = &mut rows[(3 + channel) * width + mcu / LANES][mcu % LANES];
                    *next += along_row[channel] * weights[0];
                }
            }
        }
    }

    /// Takes up the changes in row number `output`, in the blocks at `slot` of each MCU, where columns are resized first.
    #[inline(always)]
    pub(super) fn take(&mut self, output: usize, slot: usize) {
        let width = self.between[0][0].len();
        let rows = &mut self.begun[(output % self.rows * self.across + slot) * ROWS * width..][..ROWS * width];
        for (row, begun) in self.between.iter_mut().flatten().zip(rows.chunks_exact(width)) {
            row.copy_from_slice(begun);
        }
        rows.fill([0.0; LANES]);
    }

    /// Adds the blocks at `slot` of each MCU to row number `output`, where columns are resized first.
    #[inline(always)]
    pub(super) fn add_columns(&mut self, grid: &Grid, output: usize, slot: usize) {
        let [first, next] = &self.between;
        let width = grid.row.spans.len();
        for ((first, next), sums) in first.iter().zip(next).zip(&mut self.sums) {
            let sums = &mut sums[output * width..][..width];
            for (at, (first, next)) in first.iter().zip(next).enumerate() {
                // Most blocks have none.
                if (first, next) == (&[0.0; LANES], &[0.0; LANES]) {
                    continue;
                }
                for lane in 0..LANES {
                    let block = (at * LANES + lane) * self.across + slot;
                    for output in grid.row.outputs(block) {
                        let Some(weights) = grid.row.weight(output, block) else { continue };
                        sums[output] += first[lane] * weights[0] + next[lane] * weights[1];
                    }
                }
            }
        }
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        let between = self.between.iter().flatten().map(memory::held).sum::<usize>();
        let sums = self.sums.iter().map(memory::held).sum::<usize>();
        memory::held(&self.blocks) + memory::held(&self.begun) + between + sums
    }
}

/// The coefficients of neighbouring outputs.
#[inline(always)]
fn read(rows: Between<'_>, at: usize) -> [Lanes; FREQUENCIES] {
    let mut lanes = [[0.0; LANES]; FREQUENCIES];
    for (lanes, row) in lanes.iter_mut().zip(rows) {
        *lanes = row[at];
    }
    lanes
}

/// The mean of a row of samples is its first coefficient times this.
const MEAN: f32 = 0.353_553_39;

/// Neighbouring outputs in a row of blocks between the passes, by their coefficients along the column.
#[derive(Default)]
struct Blocks {
    y: [Lanes; FREQUENCIES],
    cb: [Lanes; FREQUENCIES],
    cr: [Lanes; FREQUENCIES],
    /// The first two coefficients of what has been changed in red, green and blue.
    changes: [[Lanes; 2]; 3],
}

impl Blocks {
    /// Whether a colour may be out of the range of a byte: by the means of the samples, and the other frequencies, none of which
    /// has more than half its coefficient in a sample, or twice that in a colour.
    #[inline(always)]
    fn may_leave_range(&self) -> bool {
        let mut extents = [0.0; LANES];
        for lane in 0..LANES {
            let mut around = 0.0;
            for frequency in 1..FREQUENCIES {
                around += self.y[frequency][lane].abs() / 2.0
                    + self.cb[frequency][lane].abs()
                    + self.cr[frequency][lane].abs();
            }
            let mut extent = 0.0;
            for channel in 0..3 {
                let ([weight_cb, weight_cr], [first, next]) = (weights(channel), &self.changes[channel]);
                let mean = self.y[0][lane] + self.cb[0][lane] * weight_cb + self.cr[0][lane] * weight_cr + first[lane];
                extent = larger(extent, (mean * MEAN).abs() + next[lane].abs() / 2.0);
            }
            extents[lane] = extent + around;
        }
        let mut most = 0.0;
        for extent in extents {
            most = larger(most, extent);
        }
        most > 127.0
    }

    /// The changes, and what the limits change then.
    #[inline(always)]
    fn limited(&self, transform: &Transform, (slot, down): (usize, usize)) -> [[Lanes; 2]; 3] {
        let mut limited = self.changes;
        for sample in 0..BLOCK {
            let y = transform.sample(&self.y, sample);
            let shared = (slot * BLOCK + sample) / down;
            let (cb, cr) = (transform.sample(&self.cb, shared), transform.sample(&self.cr, shared));
            let parts = [transform.part(0, sample), transform.part(1, sample)];
            for (channel, limited) in limited.iter_mut().enumerate() {
                let ([weight_cb, weight_cr], before) = (weights(channel), &self.changes[channel]);
                for lane in 0..LANES {
                    let changed = before[0][lane] * parts[0] + before[1][lane] * parts[1];
                    let colour = y[lane] + cb[lane] * weight_cb + cr[lane] * weight_cr + changed;
                    let change = colour.clamp(-128.0, 127.0) - colour;
                    limited[0][lane] += change * parts[0];
                    limited[1][lane] += change * parts[1];
                }
            }
        }
        limited
    }
}

#[inline(always)]
fn larger(left: f32, right: f32) -> f32 {
    if left > right { left } else { right }
}
