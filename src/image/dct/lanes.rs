//! Rows of numbers in vectors.

use super::BLOCK;

/// Numbers of a vector: as many as a block has samples along a side.
pub(super) const LANES: usize = BLOCK;

/// Neighbouring numbers of a row. Behind the end of the row are zeros.
pub(super) type Lanes = [f32; LANES];

/// Vectors for `width` numbers.
pub(super) fn count(width: usize) -> usize {
    width.div_ceil(LANES)
}
