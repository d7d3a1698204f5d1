//! Large baseline JPEG files, resized from the coefficients of their discrete cosine transform (DCT).
//!
//! A decoder makes every pixel of a photograph, and a resize then averages hundreds of them for each of its outputs. Both are linear,
//! so an output is also a weighted sum of coefficients. The high frequencies of a block average out, so that
//! 15 of its 64 coefficients suffice. The way of the data:
//!
//! - `head` reads the file up to the compressed data, and refuses what is unusual;
//! - `segment` frees the data of stuffing, `huffman` has the tables, `scan` decodes the coefficients of some blocks, and `mcus`
//!   orders them;
//! - `projection` takes the resize's weights over the cosines and the upsampling of Cb and Cr, `grid` has those of a component;
//! - `plane` sums up the coefficients with these weights, along rows of blocks and along columns, in Pillow's order (`columns`);
//! - what is not linear in a decoder and in Pillow are the limits of a byte: `clip` computes the blocks that may leave them in
//!   pixels, and `changes` adds what the limits change;
//! - `planes` makes red, green and blue of the sums.
//!
//! `lanes` has rows of numbers in vectors. `kernels` are the inner loops, in portable code (`scalar`) and for AVX2 (`avx2`).
//!
//! Any [`Doubt`] is a refusal, and libjpeg-turbo decodes the file from its beginning: it stays the judge of what is damaged.
//! Nothing can be seen of a file before its last byte has been accepted. How near the result is to that of a full decode is
//! measured by `scripts/check_reduction`.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod block;
mod changes;
mod clip;
mod columns;
mod grid;
mod head;
mod huffman;
mod kernels;
mod lanes;
mod mcus;
#[cfg(any(test, feature = "fuzzing"))]
pub mod plain;
mod plane;
mod planes;
mod projection;
mod scalar;
mod scan;
mod segment;

use grid::Grid;
use kernels::Kernels;
use mcus::{Codings, Mcus};
use planes::Planes;

use crate::error::Error;
use crate::image::preprocess::{Goal, Plan, transpose};
use crate::image::{Limits, Orientation, Picture, Size};
use crate::memory;
use crate::stop::Stop;

/// Samples of a block along each side.
const BLOCK: usize = 8;

/// Coefficients of a block.
const ZIGZAG_LENGTH: usize = 64;

/// The lowest frequencies of a block along each side that the resize reads.
const FREQUENCIES: usize = 5;

/// Coefficients of a block that are kept, in the order of the file: those whose two frequencies sum up to less than
/// [`FREQUENCIES`], and one that is not used.
const KEPT: usize = 16;

/// Pixels of the picture for one output, at least. With fewer, more than the lowest frequencies of a block can be seen in the
/// output.
const LEAST_SCALE: f64 = 8.0;

/// The same for samples of Cb and Cr, of which a picture may have a quarter.
const LEAST_SAMPLES: f64 = 4.0;

/// Bytes that a resize takes, estimated from above: tables, the window on the file and the outputs; and for each pixel of the
/// longer side, a row of blocks and the weights.
const LEAST_COST: u64 = 4 << 20;
const COST_PER_SIDE: u64 = 200;

/// Bytes of the rows of blocks that are kept where columns are resized first, for each pixel of them, estimated from above; and how
/// many they are: as many as a filter reads, for each pixel that stands for an output, and those of some rows of MCUs.
const COST_PER_PIXEL_KEPT: u64 = 2;
const FILTER_KEPT: u64 = 6;
const ROWS_KEPT: u64 = 64;

/// Rows of MCUs from one question whether to stop to the next.
const ROWS: usize = 8;

/// The file is not one that is decoded here, or not certainly. libjpeg-turbo decodes it instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt;

/// Resizes large JPEG files to one size. The memory is kept from file to file.
#[derive(Debug)]
pub(crate) struct Shrinker {
    goal: Goal,
    plan: Plan,
    kernels: &'static dyn Kernels,
    /// The weights of Y, and those of Cb and Cr.
    grids: [Grid; 2],
    planes: Planes,
    /// The target, as stored.
    resized: Vec<u8>,
    turned: Vec<u8>,
}

/// Why a file gave no pixels.
enum Failure {
    Doubt,
    Error(Error),
}

impl From<Doubt> for Failure {
    fn from(_: Doubt) -> Self {
        Self::Doubt
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Shrinker {
    pub(crate) fn new(goal: Goal) -> Self {
        Self {
            goal,
            plan: Plan::default(),
            kernels: kernels::fastest(),
            grids: Default::default(),
            planes: Planes::default(),
            resized: Vec::new(),
            turned: Vec::new(),
        }
    }

    /// Resizes `file`, turns it upright, and returns the RGB triples of the target, row by row from the top left, and the size of
    /// the upright picture; `None` where it must be decoded.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    pub(crate) fn shrink(&mut self, file: &[u8], limits: &Limits, stop: &Stop) -> Result<Option<(&[u8], Size)>, Error> {
        let Picture { size, orientation, .. } = match self.resize(file, limits, stop) {
            Err(Failure::Doubt) => return Ok(None),
            Err(Failure::Error(error)) => return Err(error),
            Ok(picture) => picture,
        };
        let size = size.turned(orientation);
        if !orientation.transpose {
            return Ok(Some((&self.resized, size)));
        }
        transpose(&self.resized, self.goal.target, &mut self.turned)?;
        Ok(Some((&self.turned, size)))
    }

    /// Writes the target as the picture is stored, and returns what the file says of the picture. Most files are small, so
    /// nothing is prepared before the size is known to be large.
    fn resize(&mut self, file: &[u8], limits: &Limits, stop: &Stop) -> Result<Picture, Failure> {
        let head = head::read(file)?;
        limits.check(head.size).map_err(|_| Doubt)?;
        if self.cost(head.size) > limits.max_bytes {
            return Err(Failure::Doubt);
        }
        let orientation = Orientation::read(file);
        let picture = Picture { size: head.size, reduction: 1, orientation };
        let Self { goal, plan, kernels, grids, planes, resized, .. } = self;
        let (across, down) = head.sampling();
        let pixels_a_sample = if across.max(down) > 2 { 4.0 } else { 2.0 };
        if goal.scale(picture) < LEAST_SCALE.max(LEAST_SAMPLES * pixels_a_sample) {
            return Err(Failure::Doubt);
        }
        let resize = plan.set(*goal, picture)?;
        let codings = Codings::new(&head)?;
        let mut mcus = Mcus::new(&head, &codings, *kernels);
        let (count, rows) = mcus.count();
        grids[0].set(resize, head.size, (1, 1))?;
        grids[1].set(resize, head.size, (across, down))?;
        planes.set(head.components.len() > 1, count, (across, down), grids)?;
        for row in 0..rows {
            if row % ROWS == 0 {
                stop.check()?;
            }
            mcus.decode_row(planes)?;
            kernels.add(planes, grids, row);
        }
        mcus.finish()?;
        kernels.write(planes, resized)?;
        Ok(picture)
    }

    /// Bytes that the resize of a picture of this size takes, estimated from above.
    fn cost(&self, Size { width, height }: Size) -> u64 {
        let (width, height) = (u64::from(width), u64::from(height));
        let Size { width: across, height: down } = self.goal.target;
        let kept = FILTER_KEPT * height / u64::from(across.min(down).max(1)) + ROWS_KEPT;
        LEAST_COST + COST_PER_SIDE * width.max(height) + COST_PER_PIXEL_KEPT * width * kept.min(height + ROWS_KEPT)
    }

    /// Bytes that the buffers take. They are as wide as the picture.
    pub(crate) fn held(&self) -> usize {
        let grids = self.grids.iter().map(Grid::held).sum::<usize>();
        let pixels = memory::held(&self.resized) + memory::held(&self.turned);
        self.plan.held() + self.planes.held() + grids + pixels
    }
}

/// The coefficients of a file as they are decoded here, whatever its size; `None` where it is refused. For comparisons with
/// [`plain::decode`].
#[cfg(any(test, feature = "fuzzing"))]
pub fn coefficients(file: &[u8]) -> Option<plain::Coefficients> {
    let head = head::read(file).ok()?;
    let codings = Codings::new(&head).ok()?;
    let mut mcus = Mcus::new(&head, &codings, kernels::fastest());
    let ((count, rows), sampling) = (mcus.count(), head.sampling());
    let mut planes = Planes::default();
    planes.set(head.components.len() > 1, count, sampling, &Default::default()).ok()?;
    for _ in 0..rows {
        mcus.decode_row(&mut planes).ok()?;
        planes.changes.blocks.clear();
    }
    mcus.finish().ok()?;
    let steps = |component: &head::Component| component.steps.map(i16::cast_unsigned);
    Some(plain::Coefficients {
        size: (head.size.width as usize, head.size.height as usize),
        sampling: head.components.iter().map(|component| (component.across, component.down)).collect(),
        steps: head.components.iter().map(steps).collect(),
        blocks: mcus.blocks,
    })
}

/// A block with its DC coefficient in place of the difference to the one before.
#[cfg(any(test, feature = "fuzzing"))]
#[expect(clippy::cast_possible_truncation, reason = "at most 2047, or the block is refused")]
fn recorded(block: &[i16; ZIGZAG_LENGTH], dc: i32) -> [i16; ZIGZAG_LENGTH] {
    let mut block = *block;
    block[0] = dc as i16;
    block
}

#[cfg(test)]
mod tests;
