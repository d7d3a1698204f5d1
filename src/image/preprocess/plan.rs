//! The weights of one resize, in the order in which the pixels are stored.

use super::filter::{Axis, Filter, Outputs, Weights};
use super::window::{Placement, Proportion, Window};
use crate::error::Error;
use crate::image::{Picture, Size};

/// What every picture is resized to, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) target: Size,
    pub(crate) window: Window,
    pub(crate) filter: Filter,
}

impl Goal {
    /// Where the target lies in the resized form of `picture`, once that is upright.
    fn place(self, picture: Picture) -> Placement {
        self.window.place(picture.size.turned(picture.orientation), self.target, Proportion::Whole)
    }

    /// Pixels of `picture` for one output, along the axis that has fewer.
    pub(crate) fn scale(self, picture: Picture) -> f64 {
        let Placement { part, resized, .. } = self.place(picture);
        let scale = |part: u32, resized: u32| f64::from(part) / f64::from(resized);
        scale(part.size.width, resized.width).min(scale(part.size.height, resized.height))
    }
}

/// The weights along both axes of an upright picture. The memory is kept from picture to picture.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    along_x: Weights,
    along_y: Weights,
}

/// The weights as they apply to stored pixels. Where the picture is stored transposed, the outputs are, too.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    /// The weights along a row.
    pub(crate) row: &'a Weights,
    /// The weights along a column.
    pub(crate) column: &'a Weights,
    /// Whether Pillow resizes the columns first.
    pub(crate) vertical_first: bool,
}

impl Plan {
    /// Computes the weights for the decoded pixels of `picture`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn set(&mut self, goal: Goal, picture: Picture) -> Result<Stored<'_>, Error> {
        let Goal { target, filter, .. } = goal;
        let Picture { size, reduction, orientation } = picture;
        let Size { width, height } = size.turned(orientation);
        let Placement { part, resized, left, top } = goal.place(picture);
        let (mirror_x, mirror_y) = (orientation.mirror_x, orientation.mirror_y);
        let x = Axis { length: width, begin: part.left, part: part.size.width, reduction, mirror: mirror_x };
        let y = Axis { length: height, begin: part.top, part: part.size.height, reduction, mirror: mirror_y };
        let Self { along_x, along_y } = self;
        along_x.set(filter, x, Outputs { whole: resized.width, first: left, count: target.width })?;
        along_y.set(filter, y, Outputs { whole: resized.height, first: top, count: target.height })?;
        let vertical_first = vertical_goes_first(picture.decoded().turned(orientation), resized);
        Ok(if orientation.transpose {
            Stored { row: along_y, column: along_x, vertical_first: !vertical_first }
        } else {
            Stored { row: along_x, column: along_y, vertical_first }
        })
    }

    /// Bytes that the buffers take.
    pub(crate) fn held(&self) -> usize {
        self.along_x.held() + self.along_y.held()
    }
}

/// Pillow 13's choice: the vertical pass goes first where it saves more work.
fn vertical_goes_first(source: Size, target: Size) -> bool {
    let rows = i64::from(source.height) - i64::from(target.height);
    let columns = i64::from(source.width) - i64::from(target.width);
    rows > 0 && rows > 2 * columns
}
