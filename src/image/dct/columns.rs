//! The order of a resize whose first pass goes along the columns.
//!
//! Pillow limits what is between its passes, so their order matters. Where it resizes the columns first, as in a picture that is
//! stored turned, a row of outputs is made of many rows of blocks. So these are kept until it can be.

use super::grid::Grid;

/// The rows of outputs, in the order in which they can be made.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// A row of outputs; and the rows of MCUs with which the blocks that it reads begin and end.
    rows: Vec<(usize, usize, usize)>,
    /// How many have been made.
    made: usize,
    /// Rows that are begun at once, at most.
    pub(super) begun: usize,
}

impl Columns {
    /// Takes the rows of MCUs that each output reads, where MCUs have `down` rows of blocks of Y.
    pub(super) fn set(&mut self, grids: &[Grid; 2], has_colours: bool, down: usize) {
        let (luma, chroma) = (&grids[0].column.spans, &grids[1].column.spans);
        self.rows.clear();
        self.rows.extend(luma.iter().zip(chroma).enumerate().map(|(output, (y, c))| {
            let (first, last) = (y.first / down, (y.first + y.count - 1) / down);
            if has_colours {
                (output, first.min(c.first), last.max(c.first + c.count - 1))
            } else {
                (output, first, last)
            }
        }));
        // From the last on in a picture that is mirrored.
        self.rows.sort_by_key(|(_, _, last)| *last);
        self.made = 0;
        let begun = |(index, (_, _, last)): (usize, &(usize, usize, usize))| {
            self.rows[index..].iter().filter(|(_, first, _)| first <= last).count()
        };
        self.begun = self.rows.iter().enumerate().map(begun).max().unwrap_or(1);
    }

    /// Pairs of rows of blocks that must be kept for a component with `down` rows of blocks in a row of MCUs.
    pub(super) fn lines(&self, grid: &Grid, down: usize) -> usize {
        let lines = |(output, _, last): &(usize, usize, usize)| {
            let first = grid.column.spans[*output].first / 2;
            ((last + 1) * down - 1) / 2 + 1 - first
        };
        self.rows.iter().map(lines).max().unwrap_or(1)
    }

    /// The next row of outputs that can be made after row number `row` of MCUs.
    pub(super) fn next(&mut self, row: usize) -> Option<usize> {
        let (output, _, last) = *self.rows.get(self.made)?;
        (last <= row).then(|| {
            self.made += 1;
            output
        })
    }
}
