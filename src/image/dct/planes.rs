//! The planes of a picture: from blocks to red, green and blue.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a conversion limits what it converts")]
#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use super::changes::Changes;
use super::clip::{self, Transform};
use super::columns::Columns;
use super::grid::Grid;
use super::kernels::Kernels;
use super::plane::Plane;
use crate::error::Error;
use crate::image::CHANNELS;
use crate::memory;

/// The planes of a picture. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Planes {
    /// Y, Cb and Cr; the latter two only where `has_colours`.
    pub(super) components: [Plane; 3],
    pub(super) has_colours: bool,
    /// Blocks of Y in an MCU: across and down.
    sampling: (usize, usize),
    columns: Columns,
    pub(super) changes: Changes,
    transform: Transform,
}

impl Planes {
    /// Prepares for rows of `mcus` MCUs, which have `sampling.0` x `sampling.1` blocks of Y, and for the weights of `grids`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(
        &mut self,
        has_colours: bool,
        mcus: usize,
        sampling: (usize, usize),
        grids: &[Grid; 2],
    ) -> Result<(), Error> {
        (self.has_colours, self.sampling) = (has_colours, sampling);
        let (across, down) = sampling;
        let outputs = (grids[0].row.spans.len(), grids[0].column.spans.len());
        let (mut lines, mut begun) = ([0; 2], 0);
        if grids[0].columns_first {
            self.columns.set(grids, has_colours, down);
            lines = [self.columns.lines(&grids[0], down), self.columns.lines(&grids[1], 1)];
            begun = self.columns.begun;
        }
        let [y, colours @ ..] = &mut self.components;
        y.set(mcus, (across, down), outputs, lines[0])?;
        for plane in colours {
            plane.set(mcus, (1, 1), outputs, lines[1])?;
        }
        self.changes.set(mcus, sampling, outputs, begun)
    }

    /// Resizes row number `row` of MCUs.
    #[inline(always)]
    pub(super) fn add(&mut self, grids: &[Grid; 2], kernels: &dyn Kernels, row: usize) {
        if grids[0].columns_first {
            self.add_columns(grids, kernels, row);
        } else {
            self.add_rows(grids, kernels, row);
        }
        self.changes.blocks.clear();
    }

    /// Along the rows first.
    #[inline(always)]
    fn add_rows(&mut self, grids: &[Grid; 2], kernels: &dyn Kernels, row: usize) {
        let Self { components: [y, cb, cr], changes, transform, sampling: (_, down), .. } = self;
        if self.has_colours {
            for plane in [&mut *cb, &mut *cr] {
                plane.resize_row(&grids[1], kernels, 0);
                plane.add_row(&grids[1], row);
            }
        }
        for slot in 0..*down {
            let index = row * *down + slot;
            y.resize_row(&grids[0], kernels, slot);
            y.add_row(&grids[0], index);
            changes.resize_row(&grids[0], slot);
            let chroma = self.has_colours.then_some([&cb.between, &cr.between]);
            changes.limit_row(transform, &y.between, chroma, (slot, *down));
            changes.add_row(&grids[0], index, y.width);
        }
    }

    /// Along the columns first. Makes the rows of outputs that can be made with this row of MCUs.
    #[inline(always)]
    fn add_columns(&mut self, grids: &[Grid; 2], kernels: &dyn Kernels, row: usize) {
        let Self { components: [y, cb, cr], changes, transform, sampling: (across, down), columns, .. } = self;
        changes.resize_columns(&grids[0], row * *down);
        y.keep(kernels, (row, *down));
        if self.has_colours {
            cb.keep(kernels, (row, 1));
            cr.keep(kernels, (row, 1));
        }
        while let Some(output) = columns.next(row) {
            if self.has_colours {
                for plane in [&mut *cb, &mut *cr] {
                    plane.resize_columns(&grids[1], kernels, output, (0, 1));
                    plane.add_columns(&grids[1], output, (0, 1));
                }
            }
            for slot in 0..*across {
                y.resize_columns(&grids[0], kernels, output, (slot, *across));
                y.add_columns(&grids[0], output, (slot, *across));
                changes.take(output, slot);
                let chroma = self.has_colours.then_some([&cb.between, &cr.between]);
                changes.limit_row(transform, &y.between, chroma, (slot, *across));
                changes.add_columns(&grids[0], output, slot);
            }
        }
    }

    /// Writes the RGB triples of all outputs to `pixels`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    #[inline(always)]
    pub(super) fn write(&self, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let [y, cb, cr] = &self.components;
        memory::resize(pixels, y.sums.len() * CHANNELS)?;
        for (index, pixel) in pixels.chunks_exact_mut(CHANNELS).enumerate() {
            let y = y.sums[index];
            let colours =
                if self.has_colours { clip::colours(y, cb.sums[index], cr.sums[index]) } else { [y; CHANNELS] };
            for ((byte, colour), changes) in pixel.iter_mut().zip(colours).zip(&self.changes.sums) {
                *byte = (colour + changes[index] + 128.5) as u8;
            }
        }
        Ok(())
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        self.components.iter().map(Plane::held).sum::<usize>() + self.changes.held()
    }
}
