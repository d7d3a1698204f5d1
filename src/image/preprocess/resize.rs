//! Pillow 13's 8-bit resize, to the letter.
//!
//! Pillow resizes in two passes, one an axis, and rounds to 8 bits between them. Each output value is a weighted sum in
//! fixed point with 22 bits of fraction (`filter`). The order of the passes changes the rounding, so it is part of the
//! result. The passes have a portable and an AVX2 version that give the same bytes (`scalar`, `avx2`).
//!
//! A picture that is stored turned is resized as it is stored: the weights of the upright picture are applied to the stored
//! pixels, in reverse where an axis is mirrored, and the small result is transposed. Integer sums do not depend on
//! their order, so the bytes are the same as if the picture were turned first.
//!
//! A picture that was decoded reduced has an extent in decoded pixels that is not a whole number. The weights follow that
//! extent, so that the result is as near to that of the full picture as the pixels are.

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::filter::{Axis, Filter, Outputs, Weights};
use super::passes::{Passes, Rows};
use super::scalar;
use super::window::{Placement, Proportion, Window};
use crate::error::Error;
use crate::image::{CHANNELS, Picture, Size};
use crate::memory;
use crate::stop::Stop;

/// Resizes pictures to one size. The buffers are kept from picture to picture.
#[derive(Debug)]
pub struct Resizer {
    target: Size,
    window: Window,
    filter: Filter,
    along_x: Weights,
    along_y: Weights,
    buffers: Buffers,
    passes: Box<dyn Passes>,
}

#[derive(Debug, Default)]
struct Buffers {
    between: Vec<u8>,
    resized: Vec<u8>,
    turned: Vec<u8>,
}

/// One resize in the order in which the pixels are stored.
struct Job<'a> {
    pixels: Rows<'a>,
    /// The weights along a row.
    row: &'a Weights,
    /// The weights along a column.
    column: &'a Weights,
    vertical_first: bool,
}

impl Buffers {
    /// Runs both passes into `resized`.
    fn fill(&mut self, job: &Job<'_>, passes: &mut dyn Passes, stop: &Stop) -> Result<(), Error> {
        let Job { pixels, row, column, .. } = *job;
        let Self { between, resized, .. } = self;
        memory::resize(resized, row.len() * column.len() * CHANNELS)?;
        if job.vertical_first {
            memory::resize(between, pixels.stride * column.len())?;
            passes.vertical(pixels, column, between, stop)?;
            passes.horizontal(Rows { bytes: between, stride: pixels.stride }, row, resized, stop)
        } else {
            let stride = row.len() * CHANNELS;
            memory::resize(between, pixels.bytes.len() / pixels.stride * stride)?;
            passes.horizontal(pixels, row, between, stop)?;
            passes.vertical(Rows { bytes: between, stride }, column, resized, stop)
        }
    }
}

fn fastest() -> Box<dyn Passes> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return Box::new(avx2::Avx2::default());
    }
    Box::new(scalar::Scalar::default())
}

impl Resizer {
    /// A resizer to `target` with the fastest passes that this processor runs.
    pub fn new(target: Size, window: Window, filter: Filter) -> Self {
        Self::with_passes(target, window, filter, fastest())
    }

    /// A resizer that uses no instructions beyond the platform's baseline; for comparison.
    pub fn portable(target: Size, window: Window, filter: Filter) -> Self {
        Self::with_passes(target, window, filter, Box::new(scalar::Scalar::default()))
    }

    fn with_passes(target: Size, window: Window, filter: Filter, passes: Box<dyn Passes>) -> Self {
        let (along_x, along_y, buffers) = (Weights::default(), Weights::default(), Buffers::default());
        Self { target, window, filter, along_x, along_y, buffers, passes }
    }

    /// Gives back buffers of more than `most` bytes. That between the passes is as high or as wide as the picture.
    pub fn release(&mut self, most: usize) {
        let Buffers { between, resized, turned } = &mut self.buffers;
        for buffer in [between, resized, turned] {
            memory::release(buffer, most);
        }
        self.along_x.release(most);
        self.along_y.release(most);
        self.passes.release(most);
    }

    /// Resizes `pixels`, the RGB triples that a decoder wrote for `picture`, and turns them upright. Returns the RGB triples
    /// of the target, row by row from the top left.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    ///
    /// # Panics
    /// Panics if `pixels` is not as long as `picture` says, or a side is 0: a fault of the decoder.
    pub fn resize(&mut self, pixels: &[u8], picture: Picture, stop: &Stop) -> Result<&[u8], Error> {
        let Self { target, along_x, along_y, buffers, passes, .. } = self;
        let Picture { size, reduction, orientation } = picture;
        let stored = picture.decoded();
        assert!(!pixels.is_empty() && pixels.len() == stored.pixels() * CHANNELS, "pixels do not fit the size");
        let Size { width, height } = size.turned(orientation);
        let Placement { part, resized, left, top } =
            self.window.place(Size { width, height }, *target, Proportion::Whole);
        let (mirror_x, mirror_y) = (orientation.mirror_x, orientation.mirror_y);
        let x = Axis { length: width, begin: part.left, part: part.size.width, reduction, mirror: mirror_x };
        let y = Axis { length: height, begin: part.top, part: part.size.height, reduction, mirror: mirror_y };
        along_x.set(self.filter, x, Outputs { whole: resized.width, first: left, count: target.width })?;
        along_y.set(self.filter, y, Outputs { whole: resized.height, first: top, count: target.height })?;
        let vertical_first = vertical_goes_first(stored.turned(orientation), resized);
        let pixels = Rows { bytes: pixels, stride: stored.width as usize * CHANNELS };
        if orientation.transpose {
            let job = Job { pixels, row: along_y, column: along_x, vertical_first: !vertical_first };
            buffers.fill(&job, passes.as_mut(), stop)?;
            transpose(&buffers.resized, *target, &mut buffers.turned)?;
            Ok(&buffers.turned)
        } else {
            let job = Job { pixels, row: along_x, column: along_y, vertical_first };
            buffers.fill(&job, passes.as_mut(), stop)?;
            Ok(&buffers.resized)
        }
    }
}

/// Pillow 13's choice: the vertical pass goes first where it saves more work.
fn vertical_goes_first(source: Size, target: Size) -> bool {
    let rows = i64::from(source.height) - i64::from(target.height);
    let columns = i64::from(source.width) - i64::from(target.width);
    rows > 0 && rows > 2 * columns
}

/// Writes the picture of `size`, whose columns are `source`'s rows, to `target`.
fn transpose(source: &[u8], size: Size, target: &mut Vec<u8>) -> Result<(), Error> {
    let (width, height) = (size.width as usize, size.height as usize);
    target.clear();
    memory::reserve(target, source.len())?;
    for y in 0..height {
        for x in 0..width {
            let from = (x * height + y) * CHANNELS;
            target.extend_from_slice(&source[from..from + CHANNELS]);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
