//! GIF's variant of the Lempel-Ziv-Welch algorithm (GIF, appendix F), decoded piece by piece.
//!
//! A code below the clear code is an index. Any other stands for a string of indices: that of an earlier code, and one more
//! index. The decoder holds its table and a few thousand indices, whatever the picture's size. What it accepts is what Pillow
//! accepts (`GifDecode.c`): a code size from 0 on, data that does not begin with a clear code, and empty sub-blocks.

use super::blocks::Reader;
use crate::error::Error;

/// The most bits of a code, and the most codes.
const MAX_BITS: u32 = 12;
const CODES: usize = 1 << MAX_BITS;

/// Indices after which they are handed on. Behind them there is room for a string, which is no longer than the table.
const PIECE: usize = 2 * CODES;

/// Bytes that a decoder holds.
pub(super) const HELD: usize = size_of::<Decoder<'_>>();

/// A decoder for the image data of one frame.
pub(super) struct Decoder<'a> {
    bits: Bits<'a>,
    table: Table,
    /// The clear code. The end code is the next one.
    clear: usize,
    /// The code before; none behind a clear code.
    last: Option<usize>,
    /// The code that is defined next, and the bits with which a code is stored.
    next: usize,
    size: u32,
    output: [u8; PIECE + CODES],
}

/// The strings of the codes: each is that of its prefix and one index more.
struct Table {
    prefix: [u16; CODES],
    length: [u16; CODES],
    first: [u8; CODES],
    last: [u8; CODES],
}

impl<'a> Decoder<'a> {
    /// A decoder for data whose indices have `code_size` bits.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] where codes would have too many bits.
    pub(super) fn new(code_size: u8, reader: Reader<'a>) -> Result<Self, Error> {
        let size = u32::from(code_size) + 1;
        // With indices of as many bits as codes may have, there is room for indices only.
        if size > MAX_BITS + 1 {
            return Err(Error::DamagedImage);
        }
        let clear = 1 << code_size;
        // Eight bits of an index are kept, as Pillow does.
        let indices: [u8; CODES] = std::array::from_fn(|index| index.to_le_bytes()[0]);
        let table = Table { prefix: [0; CODES], length: [1; CODES], first: indices, last: indices };
        let bits = Bits { reader, block: &[], held: 0, count: 0 };
        Ok(Self { bits, table, clear, last: None, next: clear + 2, size, output: [0; PIECE + CODES] })
    }

    /// Decodes indices and hands them to `write`, until it returns that the picture is complete.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] for an undefined code, and where the data ends before the picture is complete.
    pub(super) fn decode(mut self, mut write: impl FnMut(&[u8]) -> bool) -> Result<(), Error> {
        let mut length = 0;
        loop {
            match self.code(length) {
                Ok(written) => length += written,
                Err(error) => return if write(&self.output[..length]) { Ok(()) } else { Err(error) },
            }
            if length >= PIECE {
                if write(&self.output[..length]) {
                    return Ok(());
                }
                length = 0;
            }
        }
    }

    /// Reads a code, writes its string to the output at `begin`, and returns the string's length.
    fn code(&mut self, begin: usize) -> Result<usize, Error> {
        let code = self.bits.next(self.size)?;
        if code == self.clear {
            self.last = None;
            self.next = self.clear + 2;
            self.size = self.clear.ilog2() + 1;
            return Ok(0);
        }
        let is_defined = if self.last.is_some() { code <= self.next } else { code < self.clear };
        if !is_defined || code == self.clear + 1 || code >= CODES {
            return Err(Error::DamagedImage);
        }
        let repeats = code == self.next;
        if let Some(last) = self.last.replace(code) {
            self.define(last, code);
        }
        if repeats { self.repeat(code, begin) } else { self.write(code, begin) }
    }

    /// Defines the next code, if there is one left: the string of `last` and the first index of that of `code`, which may be
    /// the one that is defined.
    fn define(&mut self, last: usize, code: usize) {
        let (next, table) = (self.next, &mut self.table);
        if next >= CODES {
            return;
        }
        let first = table.first[last % CODES];
        table.prefix[next] = u16::try_from(last).unwrap_or(0);
        table.length[next] = table.length[last % CODES] + 1;
        table.first[next] = first;
        table.last[next] = if code == next { first } else { table.first[code % CODES] };
        if next == (1 << self.size) - 1 && self.size < MAX_BITS {
            self.size += 1;
        }
        self.next += 1;
    }

    /// Writes the string of a code that has just been defined: the string before, and its first index. In areas of one
    /// colour, all strings are such, and long. The string before may have been handed on already.
    fn repeat(&mut self, code: usize, begin: usize) -> Result<usize, Error> {
        let length = usize::from(self.table.length[code % CODES]);
        match begin.checked_sub(length - 1) {
            Some(before) if begin + length <= self.output.len() => {
                self.output.copy_within(before..begin, begin);
                self.output[begin + length - 1] = self.table.last[code % CODES];
                Ok(length)
            }
            _ => self.write(code, begin),
        }
    }

    /// Writes the string of a code from its end on.
    fn write(&mut self, mut code: usize, begin: usize) -> Result<usize, Error> {
        let length = usize::from(self.table.length[code % CODES]);
        let output = self.output.get_mut(begin..begin + length).ok_or(Error::DamagedImage)?;
        for index in output.iter_mut().rev() {
            *index = self.table.last[code % CODES];
            code = usize::from(self.table.prefix[code % CODES]);
        }
        Ok(length)
    }
}

/// The codes in sub-blocks, from the lowest bit of each byte on.
struct Bits<'a> {
    reader: Reader<'a>,
    /// The rest of the sub-block.
    block: &'a [u8],
    /// Bits that are read already, of which `count` are due.
    held: u64,
    count: u32,
}

impl Bits<'_> {
    fn next(&mut self, size: u32) -> Result<usize, Error> {
        while self.count < size {
            self.refill()?;
        }
        let code = self.held & ((1 << size) - 1);
        self.held >>= size;
        self.count -= size;
        Ok(usize::try_from(code).unwrap_or(usize::MAX))
    }

    #[inline]
    fn refill(&mut self) -> Result<(), Error> {
        if let Some(eight) = self.block.first_chunk() {
            // The bits above `count` are those that the next refill puts there again.
            self.held |= u64::from_le_bytes(*eight) << self.count;
            let bytes = (63 - self.count) / 8;
            self.block = &self.block[bytes as usize..];
            self.count += bytes * 8;
        } else if let Some((byte, rest)) = self.block.split_first() {
            self.held |= u64::from(*byte) << self.count;
            self.block = rest;
            self.count += 8;
        } else {
            self.block = self.reader.sub_block()?;
        }
        Ok(())
    }
}
