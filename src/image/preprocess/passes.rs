//! The two passes of a resize, which `scalar` and `avx2` implement.

use std::fmt;

use super::filter::Weights;
use crate::error::Error;
use crate::stop::Stop;

/// Rows of interleaved RGB bytes without padding.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) bytes: &'a [u8],
    /// Bytes from row to row.
    pub(super) stride: usize,
}

/// One implementation of the two passes, with its buffers. Both write rows without padding, and ask `stop` between bands
/// of rows.
pub(super) trait Passes: fmt::Debug + Send {
    /// Resizes each row of `source`.
    fn horizontal(&mut self, source: Rows<'_>, weights: &Weights, output: &mut [u8], stop: &Stop) -> Result<(), Error>;

    /// Resizes each column of `source`.
    fn vertical(&mut self, source: Rows<'_>, weights: &Weights, output: &mut [u8], stop: &Stop) -> Result<(), Error>;

    /// Bytes that the buffers take.
    fn held(&self) -> usize;
}
