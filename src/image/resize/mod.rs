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

#[cfg(target_arch = "x86_64")]
mod avx2;
mod filter;
mod scalar;

use filter::Filter;

use super::{Orientation, Size};

/// Bytes a pixel: red, green, blue.
pub(crate) const CHANNELS: usize = 3;

/// Resizes pictures to one size; keeps its buffers from picture to picture.
#[derive(Debug)]
pub struct Resizer {
    target: Size,
    between: Vec<u8>,
    turned: Vec<u8>,
    resized: Vec<u8>,
    passes: Passes,
}

/// One implementation of the two passes. Both take and give rows of interleaved RGB bytes without
/// padding.
#[derive(Clone, Copy, Debug)]
struct Passes {
    /// `(source, source width, filter, output)`: resizes each row.
    horizontal: fn(&[u8], usize, &Filter, &mut [u8]),
    /// `(source, bytes a row, filter, output)`: resizes each column.
    vertical: fn(&[u8], usize, &Filter, &mut [u8]),
}

const PORTABLE: Passes = Passes { horizontal: scalar::horizontal, vertical: scalar::vertical };

impl Passes {
    fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self { horizontal: avx2::horizontal, vertical: avx2::vertical };
        }
        PORTABLE
    }
}

impl Resizer {
    /// A resizer to `target`, with the fastest passes that this processor runs.
    pub fn new(target: Size) -> Self {
        Self::with_passes(target, Passes::fastest())
    }

    /// A resizer that uses no instructions beyond the platform's baseline; for comparison.
    pub fn portable(target: Size) -> Self {
        Self::with_passes(target, PORTABLE)
    }

    fn with_passes(target: Size, passes: Passes) -> Self {
        Self { target, between: Vec::new(), turned: Vec::new(), resized: Vec::new(), passes }
    }

    /// Gives back the buffer between the passes where it has more than `most` bytes: it is as high, or as
    /// wide, as the picture was, which a picture of little else can be.
    pub fn release(&mut self, most: usize) {
        if self.between.capacity() > most {
            self.between = Vec::new();
        }
    }

    /// Resizes `pixels`, `stored.width * stored.height` RGB triples from the top left, row by row,
    /// and turns them upright. Gives the target's pixels in the same order.
    ///
    /// # Panics
    /// Where `pixels` is not as long as `stored` says, or a side is 0: the decoder's fault.
    pub fn resize(&mut self, pixels: &[u8], stored: Size, orientation: Orientation) -> &[u8] {
        assert_eq!(pixels.len(), stored.pixels() * CHANNELS, "pixels do not fit the size");
        let upright = stored.turned(orientation);
        let along_x = Filter::bicubic(upright.width, self.target.width).mirrored(orientation.mirror_x);
        let along_y = Filter::bicubic(upright.height, self.target.height).mirrored(orientation.mirror_y);
        let vertical_first = vertical_goes_first(upright, self.target);
        if orientation.transpose {
            self.passes(pixels, stored, &along_y, &along_x, !vertical_first);
            transpose(&self.resized, self.target, &mut self.turned);
            &self.turned
        } else {
            self.passes(pixels, stored, &along_x, &along_y, vertical_first);
            &self.resized
        }
    }

    /// Both passes over the pixels as they are stored.
    fn passes(&mut self, pixels: &[u8], size: Size, columns: &Filter, rows: &Filter, vertical_first: bool) {
        let (width, height) = (size.width as usize, size.height as usize);
        self.resized.resize(columns.len() * rows.len() * CHANNELS, 0);
        if vertical_first {
            self.between.resize(width * rows.len() * CHANNELS, 0);
            (self.passes.vertical)(pixels, width * CHANNELS, rows, &mut self.between);
            (self.passes.horizontal)(&self.between, width, columns, &mut self.resized);
        } else {
            self.between.resize(columns.len() * height * CHANNELS, 0);
            (self.passes.horizontal)(pixels, width, columns, &mut self.between);
            (self.passes.vertical)(&self.between, columns.len() * CHANNELS, rows, &mut self.resized);
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
mod tests;
