//! The codes of CCITT, through the `fax` crate, as a stream of rows of one bit a pixel: 1 is black.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use ::fax::decoder::{DecodeStatus, Group4Decoder};
use ::fax::maps::{black, white};
use ::fax::{BitReader, ByteReader};

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
    /// Zeros that follow the data. The crate looks at more bits than the last code has.
    padding: u8,
}

impl Iterator for Bytes<'_> {
    type Item = Result<u8, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut byte = [0];
        let Some(left) = self.left.get().checked_sub(1) else { return Some(Err(())) };
        self.left.set(left);
        match self.input.read(&mut byte) {
            Ok(0) => {
                self.padding = self.padding.checked_sub(1)?;
                Some(Ok(0))
            }
            Ok(_) => Some(Ok(byte[0])),
            Err(_) => Some(Err(())),
        }
    }
}

/// How rows are coded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Runs of white and black in turn (TIFF 6.0, section 10).
    Runs,
    /// The same between end-of-line codes (ITU-T T.4, section 4.1; TIFF 6.0, section 11).
    Group3,
    /// By the changes from the row above (ITU-T T.6).
    Group4,
}

enum Decoder<'a> {
    Runs { reader: ByteReader<Bytes<'a>>, changes: Vec<u16>, coding: Coding },
    Group4(Group4Decoder<Bytes<'a>>),
}

pub(super) struct Fax<'a> {
    decoder: Decoder<'a>,
    left: Rc<Cell<usize>>,
    width: u16,
    row: Vec<u8>,
    /// How much of the row has been read.
    taken: usize,
    is_over: bool,
}

impl<'a> Fax<'a> {
    pub(super) fn new(coding: Coding, input: Input<'a>, width: u32) -> Result<Self, Error> {
        let width = u16::try_from(width).map_err(|_| Error::DamagedImage)?;
        let left = Rc::new(Cell::new(allowance(width)));
        let padding = if coding == Coding::Group4 { 0 } else { 2 };
        let bytes = Bytes { input, left: Rc::clone(&left), padding };
        let decoder = if coding == Coding::Group4 {
            Decoder::Group4(Group4Decoder::new(bytes, width).map_err(|()| Error::DamagedImage)?)
        } else {
            let reader = ByteReader::new(bytes).map_err(|()| Error::DamagedImage)?;
            Decoder::Runs { reader, changes: Vec::new(), coding }
        };
        let mut row = Vec::new();
        memory::zeros(&mut row, usize::from(width).div_ceil(8))?;
        let taken = row.len();
        Ok(Self { decoder, left, width, row, taken, is_over: false })
    }

    /// Decodes the next row. Rows behind the end of Group 4 are white: encoders leave them out.
    fn advance(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.row.fill(0);
        if self.is_over {
            return Ok(());
        }
        self.left.set(allowance(self.width));
        let changes = match &mut self.decoder {
            Decoder::Group4(decoder) => match decoder.advance() {
                Ok(DecodeStatus::Incomplete) => decoder.transition(),
                Ok(DecodeStatus::End) => {
                    self.is_over = true;
                    return Ok(());
                }
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            },
            Decoder::Runs { reader, changes, coding } => {
                read_runs(reader, *coding, self.width, changes).ok_or(io::ErrorKind::InvalidData)?;
                changes
            }
        };
        // White from the beginning of the row to the first change.
        for run in changes.chunks(2) {
            let end = run.get(1).copied().unwrap_or(self.width).min(self.width);
            for at in usize::from(run[0])..usize::from(end) {
                self.row[at / 8] |= 0x80 >> (at % 8);
            }
        }
        Ok(())
    }
}

fn allowance(width: u16) -> usize {
    usize::from(width) * BYTES_A_PIXEL + 1024
}

/// Reads a row of runs, and writes the places at which the colour changes.
fn read_runs(reader: &mut ByteReader<Bytes<'_>>, coding: Coding, width: u16, changes: &mut Vec<u16>) -> Option<()> {
    changes.clear();
    if coding == Coding::Group3 {
        // End-of-line codes, of eleven zeros or more and a one.
        while reader.peek(11) == Some(0) {
            while reader.peek(1)? == 0 {
                reader.consume(1).ok()?;
            }
            reader.consume(1).ok()?;
        }
    }
    let (mut at, mut is_black) = (0_u16, false);
    while at < width {
        loop {
            let part = if is_black { black::decode(reader)? } else { white::decode(reader)? };
            at = at.checked_add(part)?;
            // Codes of 64 pixels and more are followed by another one.
            if part < 64 {
                break;
            }
        }
        is_black = !is_black;
        if at < width {
            changes.push(at);
        }
    }
    if coding == Coding::Runs {
        reader.consume(reader.bits_to_byte_boundary()).ok()?;
    }
    Some(())
}

impl Read for Fax<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.row.len() {
            self.advance()?;
        }
        let length = (&self.row[self.taken..]).read(bytes)?;
        self.taken += length;
        Ok(length)
    }
}
