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
use super::filter::{Filter, Weights};
use super::passes::{Passes, Rows};
use super::plan::{Goal, Plan, Stored};
use super::scalar;
use super::window::Window;
use crate::error::Error;
use crate::image::{CHANNELS, Picture, Size};
use crate::memory;
use crate::stop::Stop;

/// Resizes pictures to one size. The buffers are kept from picture to picture.
#[derive(Debug)]
pub struct Resizer {
    goal: Goal,
    plan: Plan,
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
        let goal = Goal { target, window, filter };
        Self { goal, plan: Plan::default(), buffers: Buffers::default(), passes }
    }

    /// Bytes that the buffers take. That between the passes is as high or as wide as the picture.
    pub fn held(&self) -> usize {
        let Buffers { between, resized, turned } = &self.buffers;
        let pixels = [between, resized, turned].into_iter().map(memory::held).sum::<usize>();
        pixels + self.plan.held() + self.passes.held()
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
        let Self { goal, plan, buffers, passes } = self;
        let stored = picture.decoded();
        assert!(!pixels.is_empty() && pixels.len() == stored.pixels() * CHANNELS, "pixels do not fit the size");
        let Stored { row, column, vertical_first } = plan.set(*goal, picture)?;
        let pixels = Rows { bytes: pixels, stride: stored.width as usize * CHANNELS };
        buffers.fill(&Job { pixels, row, column, vertical_first }, passes.as_mut(), stop)?;
        if !picture.orientation.transpose {
            return Ok(&buffers.resized);
        }
        transpose(&buffers.resized, goal.target, &mut buffers.turned)?;
        Ok(&buffers.turned)
    }
}

/// Writes the picture of `size`, whose columns are `source`'s rows, to `target`.
pub(crate) fn transpose(source: &[u8], size: Size, target: &mut Vec<u8>) -> Result<(), Error> {
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
