//! CCITT Group 4 (ITU-T T.6), through the `fax` crate, as a stream of rows of one bit a pixel: 1 is black.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use ::fax::decoder::{DecodeStatus, Group4Decoder};

use super::input::Input;
use crate::error::Error;
use crate::memory;

/// Bytes for each pixel of a row, at most. The longest code of a pixel has less than half as many. A row that takes more
/// repeats itself in place, and the crate would keep every repetition.
const BYTES_A_PIXEL: usize = 4;

/// The bytes of the current row, counted.
struct Bytes<'a> {
    input: Input<'a>,
    left: Rc<Cell<usize>>,
}

impl Iterator for Bytes<'_> {
    type Item = Result<u8, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut byte = [0];
        let Some(left) = self.left.get().checked_sub(1) else { return Some(Err(())) };
        self.left.set(left);
        match self.input.read(&mut byte) {
            Ok(0) => None,
            Ok(_) => Some(Ok(byte[0])),
            Err(_) => Some(Err(())),
        }
    }
}

pub(super) struct Group4<'a> {
    decoder: Group4Decoder<Bytes<'a>>,
    left: Rc<Cell<usize>>,
    width: u16,
    row: Vec<u8>,
    /// How much of the row has been read.
    taken: usize,
    is_over: bool,
}

impl<'a> Group4<'a> {
    pub(super) fn new(input: Input<'a>, width: u32) -> Result<Self, Error> {
        let width = u16::try_from(width).map_err(|_| Error::DamagedImage)?;
        let left = Rc::new(Cell::new(usize::from(width) * BYTES_A_PIXEL + 64));
        let bytes = Bytes { input, left: Rc::clone(&left) };
        let decoder = Group4Decoder::new(bytes, width).map_err(|()| Error::DamagedImage)?;
        let mut row = Vec::new();
        memory::zeros(&mut row, usize::from(width).div_ceil(8))?;
        let taken = row.len();
        Ok(Self { decoder, left, width, row, taken, is_over: false })
    }

    /// Decodes the next row. Rows behind the end of the data are white: encoders leave them out.
    fn advance(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.row.fill(0);
        if self.is_over {
            return Ok(());
        }
        self.left.set(usize::from(self.width) * BYTES_A_PIXEL + 64);
        match self.decoder.advance() {
            Ok(DecodeStatus::End) => self.is_over = true,
            Ok(DecodeStatus::Incomplete) => self.fill(),
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    }

    /// Writes the row whose colours change at the decoder's transitions, from white at its beginning.
    fn fill(&mut self) {
        for run in self.decoder.transition().chunks(2) {
            let end = run.get(1).copied().unwrap_or(self.width).min(self.width);
            for at in usize::from(run[0])..usize::from(end) {
                self.row[at / 8] |= 0x80 >> (at % 8);
            }
        }
    }
}

impl Read for Group4<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.row.len() {
            self.advance()?;
        }
        let length = (&self.row[self.taken..]).read(bytes)?;
        self.taken += length;
        Ok(length)
    }
}
