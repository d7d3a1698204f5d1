//! Compressed bytes on their way to a decompressor.

use std::io::{self, BufRead, Read};

use crate::stop::Stop;

/// Bytes that are read before the deadline is checked again.
const STEP: usize = 64 << 10;

/// Bytes whose bits are reversed at once.
const PIECE: usize = 4 << 10;

/// A reader that fails once the work is to stop, and that reverses the bits of each byte where a file asks for it (TIFF 6.0,
/// `FillOrder`).
pub(super) struct Input<'a> {
    rest: &'a [u8],
    stop: &'a Stop,
    unchecked: usize,
    /// The reversed bytes at the beginning of `rest`; `None` if none are to be reversed.
    reversed: Option<Vec<u8>>,
    /// How many of the reversed bytes have been read.
    taken: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(data: &'a [u8], is_reversed: bool, stop: &'a Stop) -> Self {
        Self { rest: data, stop, unchecked: STEP, reversed: is_reversed.then(Vec::new), taken: 0 }
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unchecked >= STEP {
            self.stop.check().map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            self.unchecked = 0;
        }
        let Some(reversed) = &mut self.reversed else {
            return Ok(&self.rest[..self.rest.len().min(STEP)]);
        };
        if self.taken == reversed.len() {
            reversed.clear();
            reversed.extend(self.rest[..self.rest.len().min(PIECE)].iter().map(|byte| byte.reverse_bits()));
            self.taken = 0;
        }
        Ok(&reversed[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.rest.len());
        self.unchecked = self.unchecked.saturating_add(amount);
        self.rest = &self.rest[amount..];
        if let Some(reversed) = &self.reversed {
            self.taken = self.taken.saturating_add(amount).min(reversed.len());
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(bytes)?;
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn bits_are_reversed_piece_by_piece() {
        let data: Vec<u8> = (0..10_000).map(|value: usize| value.to_le_bytes()[0]).collect();
        let stop = Stop::never();
        for is_reversed in [false, true] {
            let mut read = Vec::new();
            Input::new(&data, is_reversed, &stop).read_to_end(&mut read).unwrap();
            let expected = |byte: &u8| if is_reversed { byte.reverse_bits() } else { *byte };
            assert_eq!(read, data.iter().map(expected).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn nothing_is_read_past_the_deadline() {
        let stop = Stop::at(Instant::now());
        assert!(Input::new(&[1, 2, 3], false, &stop).read(&mut [0; 3]).is_err());
    }
}
