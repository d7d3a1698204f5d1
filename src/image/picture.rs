//! The size and the orientation of a picture.

use super::Orientation;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Pixels in all.
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// The size after the turn that `orientation` asks for; the same turn leads back.
    #[must_use]
    pub const fn turned(self, orientation: Orientation) -> Self {
        if orientation.transpose { Self { width: self.height, height: self.width } } else { self }
    }

    /// The size after a reduction of both sides by the factor `reduction`.
    pub(super) const fn reduced(self, reduction: u32) -> Self {
        Self { width: self.width.div_ceil(reduction), height: self.height.div_ceil(reduction) }
    }
}

/// A decoded file, without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The size that the file states, as stored.
    pub size: Size,
    /// The factor by which each side was reduced in decoding: 1, 2, 4 or 8.
    pub reduction: u32,
    /// The turn that makes the stored pixels upright.
    pub orientation: Orientation,
}

impl Picture {
    /// The size of the decoded pixels. Where the reduction does not divide the file's size, the last column or row covers
    /// the picture only in part.
    #[must_use]
    pub const fn decoded(&self) -> Size {
        self.size.reduced(self.reduction)
    }
}
