//! Pillow 13's 8-bit bicubic resize, to the letter.
//!
//! Pillow resizes in two passes, one an axis, and rounds to 8 bits between them. Each output value
//! is a weighted sum in 22-bit fixed point (`filter`). Which pass goes first changes the rounding,
//! so it is part of the answer. The passes have a portable and an AVX2 version that give the same
//! bytes (`scalar`, `avx2`).
//!
//! A picture that is not stored upright is never turned at its full size: the weights of the
//! upright picture are applied to the stored pixels, back to front where an axis is mirrored, and
//! only the small result is transposed. Integer sums do not depend on their order, so this is the
//! same as turning first.
//!
//! A picture that was decoded reduced has an extent in its pixels that is no whole number. The windows follow
//! it, so that the answer is as near to that of the full picture as the pixels are.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::filter::{Axis, Filter};
use super::scalar;
use crate::image::{Picture, Size};

/// Bytes a pixel: red, green, blue.
pub(crate) const CHANNELS: usize = 3;

/// Resizes pictures to one size; keeps its buffers from picture to picture.
#[derive(Debug)]
pub struct Resizer {
    target: Size,
    along_x: Filter,
    along_y: Filter,
    buffers: Buffers,
    passes: Box<dyn Passes>,
}

#[derive(Debug, Default)]
struct Buffers {
    between: Vec<u8>,
    resized: Vec<u8>,
    turned: Vec<u8>,
}

impl Buffers {
    /// Both passes over the pixels as they are stored; `filters` are that along a row and that along a column.
    fn fill(
        &mut self,
        pixels: &[u8],
        size: Size,
        filters: (&Filter, &Filter),
        vertical_first: bool,
        passes: &mut dyn Passes,
    ) {
        let (width, height) = (size.width as usize, size.height as usize);
        let (row, column) = filters;
        let Self { between, resized, .. } = self;
        resized.resize(row.len() * column.len() * CHANNELS, 0);
        if vertical_first {
            between.resize(width * column.len() * CHANNELS, 0);
            passes.vertical(pixels, width * CHANNELS, column, between);
            passes.horizontal(between, width, row, resized);
        } else {
            between.resize(row.len() * height * CHANNELS, 0);
            passes.horizontal(pixels, width, row, between);
            passes.vertical(between, row.len() * CHANNELS, column, resized);
        }
    }
}

/// One implementation of the two passes, with what it keeps from picture to picture. Both take and
/// give rows of interleaved RGB bytes without padding.
pub(super) trait Passes: fmt::Debug + Send {
    /// Resizes each row of `source`, `width` pixels wide.
    fn horizontal(&mut self, source: &[u8], width: usize, filter: &Filter, output: &mut [u8]);

    /// Resizes each column of `source`, whose rows are `row_bytes` long.
    fn vertical(&mut self, source: &[u8], row_bytes: usize, filter: &Filter, output: &mut [u8]);
}

fn fastest() -> Box<dyn Passes> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return Box::new(avx2::Avx2::default());
    }
    Box::new(scalar::Scalar::default())
}

impl Resizer {
    /// A resizer to `target`, with the fastest passes that this processor runs.
    pub fn new(target: Size) -> Self {
        Self::with_passes(target, fastest())
    }

    /// A resizer that uses no instructions beyond the platform's baseline; for comparison.
    pub fn portable(target: Size) -> Self {
        Self::with_passes(target, Box::new(scalar::Scalar::default()))
    }

    fn with_passes(target: Size, passes: Box<dyn Passes>) -> Self {
        Self { target, along_x: Filter::default(), along_y: Filter::default(), buffers: Buffers::default(), passes }
    }

    /// Gives back the buffer between the passes where it has more than `most` bytes: it is as high, or as
    /// wide, as the picture was, which a picture of little else can be.
    pub fn release(&mut self, most: usize) {
        if self.buffers.between.capacity() > most {
            self.buffers.between = Vec::new();
        }
    }

    /// Resizes `pixels`, RGB triples from the top left, row by row, as the decoder gave them for
    /// `picture`, and turns them upright. Gives the target's pixels in the same order.
    ///
    /// # Panics
    /// Where `pixels` is not as long as `picture` says, or a side is 0: the decoder's fault.
    pub fn resize(&mut self, pixels: &[u8], picture: Picture) -> &[u8] {
        let Self { target, along_x, along_y, buffers, passes } = self;
        let Picture { size, reduction, orientation } = picture;
        let stored = picture.decoded();
        assert_eq!(pixels.len(), stored.pixels() * CHANNELS, "pixels do not fit the size");
        let Size { width, height } = size.turned(orientation);
        along_x.bicubic(Axis { length: width, reduction, mirror: orientation.mirror_x }, target.width);
        along_y.bicubic(Axis { length: height, reduction, mirror: orientation.mirror_y }, target.height);
        let vertical_first = vertical_goes_first(stored.turned(orientation), *target);
        if orientation.transpose {
            buffers.fill(pixels, stored, (along_y, along_x), !vertical_first, passes.as_mut());
            transpose(&buffers.resized, *target, &mut buffers.turned);
            &buffers.turned
        } else {
            buffers.fill(pixels, stored, (along_x, along_y), vertical_first, passes.as_mut());
            &buffers.resized
        }
    }
}

/// Pillow 13's choice: the vertical pass first where it saves the more work.
fn vertical_goes_first(source: Size, target: Size) -> bool {
    let rows = i64::from(source.height) - i64::from(target.height);
    let columns = i64::from(source.width) - i64::from(target.width);
    rows > 0 && rows > 2 * columns
}

/// Writes the picture of `size`, whose columns are `source`'s rows, to `target`.
fn transpose(source: &[u8], size: Size, target: &mut Vec<u8>) {
    let (width, height) = (size.width as usize, size.height as usize);
    target.clear();
    target.reserve(source.len());
    for y in 0..height {
        for x in 0..width {
            let from = (x * height + y) * CHANNELS;
            target.extend_from_slice(&source[from..from + CHANNELS]);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
