//! Chroma for each pixel, interpolated as in libheif (1.23, color-conversion/chroma_sampling.cc).
//!
//! libheif does so before a transform that would part pixels which share their chroma; else it repeats the chroma.

/// Chroma samples that pixels share: pairs of columns, and pairs of rows as well where `rows`.
pub(super) struct Shared<'a> {
    pub(super) samples: &'a [i32],
    /// Samples from row to row.
    pub(super) stride: usize,
    /// The column and the row of the first sample that is used.
    pub(super) first: (usize, usize),
    pub(super) rows: bool,
}

impl Shared<'_> {
    /// One value for each of `width` by `height` pixels, row by row.
    pub(super) fn interpolated(&self, width: usize, height: usize) -> impl Iterator<Item = i32> {
        let pixel = move |x, y| if self.rows { self.of_four(x, y, width, height) } else { self.of_two(x, y, width) };
        (0..height).flat_map(move |y| (0..width).map(move |x| pixel(x, y)))
    }

    fn at(&self, x: usize, y: usize) -> i32 {
        let index = (y + self.first.1).saturating_mul(self.stride).saturating_add(x + self.first.0);
        self.samples.get(index).copied().unwrap_or_default()
    }

    /// `Op_YCbCr422_bilinear_to_YCbCr444`.
    fn of_two(&self, x: usize, y: usize, width: usize) -> i32 {
        along(x, width, |x| self.at(x, y))
    }

    /// `Op_YCbCr420_bilinear_to_YCbCr444`.
    fn of_four(&self, x: usize, y: usize, width: usize, height: usize) -> i32 {
        if is_end(y, height) {
            return along(x, width, |x| self.at(x, y / 2));
        }
        if is_end(x, width) {
            return along(y, height, |y| self.at(x / 2, y));
        }
        let (column, row) = ((x - 1) / 2, (y - 1) / 2);
        let weights = |place: usize| if place % 2 == 1 { (3, 1) } else { (1, 3) };
        let ((left, right), (above, below)) = (weights(x), weights(y));
        let upper = left * self.at(column, row) + right * self.at(column + 1, row);
        let lower = left * self.at(column, row + 1) + right * self.at(column + 1, row + 1);
        (above * upper + below * lower + 8) / 16
    }
}

/// Whether a pixel has no samples on both of its sides.
const fn is_end(place: usize, length: usize) -> bool {
    place == 0 || (length.is_multiple_of(2) && place == length - 1)
}

/// The value at a place between two samples, or that of the sample at an end.
fn along(place: usize, length: usize, sample: impl Fn(usize) -> i32) -> i32 {
    if is_end(place, length) {
        return sample(place / 2);
    }
    let index = (place - 1) / 2;
    let (this, next) = (sample(index), sample(index + 1));
    if place % 2 == 1 { (3 * this + next + 2) / 4 } else { (this + 3 * next + 2) / 4 }
}
