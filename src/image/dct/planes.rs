//! The planes of a picture: from blocks to red, green and blue.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a conversion limits what it converts")]

use super::changes::Changes;
use super::clip::{self, Transform};
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
    pub(super) changes: Changes,
    transform: Transform,
}

impl Planes {
    /// Prepares for rows of `mcus` MCUs, which have `across` x `down` blocks of Y.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(
        &mut self,
        has_colours: bool,
        mcus: usize,
        (across, down): (usize, usize),
        outputs: (usize, usize),
    ) -> Result<(), Error> {
        self.has_colours = has_colours;
        let [y, colours @ ..] = &mut self.components;
        y.set((mcus * across, down), outputs)?;
        for plane in colours {
            plane.set((mcus, 1), outputs)?;
        }
        self.changes.set(mcus * across * down, outputs)
    }

    /// Resizes row number `row` of MCUs, which has `down` rows of blocks of Y. Limits the colours after the first pass if that is
    /// the one along the row.
    pub(super) fn add(&mut self, grids: &[Grid; 2], kernels: &dyn Kernels, (row, down): (usize, usize), limits: bool) {
        let Self { components: [y, cb, cr], changes, transform, .. } = self;
        if self.has_colours {
            for plane in [&mut *cb, &mut *cr] {
                plane.resize_row(&grids[1], kernels, 0);
                plane.add_row(&grids[1], row);
            }
            changes.extents.set_chroma([&cb.between, &cr.between]);
        }
        for slot in 0..down {
            let index = row * down + slot;
            y.resize_row(&grids[0], kernels, slot);
            y.add_row(&grids[0], index);
            changes.resize_row(&grids[0], slot);
            if limits {
                let chroma = self.has_colours.then_some([&cb.between, &cr.between]);
                changes.limit_row(transform, &y.between, chroma, (slot, down));
            }
            changes.add_row(&grids[0], index);
        }
        changes.blocks.clear();
    }

    /// Writes the RGB triples of all outputs to `pixels`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
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
