//! `PackBits`: runs of one byte, and bytes as they are (TIFF 6.0, section 9).

use std::io::{self, BufRead, Read};

use super::input::Input;

pub(super) struct PackBits<'a> {
    input: Input<'a>,
    /// Bytes that remain of the current run.
    left: usize,
    /// The byte that the run repeats; `None` while bytes are as they are.
    repeated: Option<u8>,
}

impl<'a> PackBits<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Self { input, left: 0, repeated: None }
    }

    /// Reads the head of the next run and returns whether there is one.
    fn next_run(&mut self) -> io::Result<bool> {
        let Some(head) = self.next_byte()? else { return Ok(false) };
        match head {
            0..=127 => (self.left, self.repeated) = (usize::from(head) + 1, None),
            128 => {}
            129.. => {
                self.repeated = self.next_byte()?;
                self.left = 257 - usize::from(head);
                return Ok(self.repeated.is_some());
            }
        }
        Ok(true)
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

impl Read for PackBits<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            if !self.next_run()? {
                return Ok(0);
            }
        }
        let length = self.left.min(bytes.len());
        let read = match self.repeated {
            Some(byte) => {
                bytes[..length].fill(byte);
                length
            }
            None => self.input.read(&mut bytes[..length])?,
        };
        self.left -= read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;

    fn unpacked(data: &[u8]) -> Vec<u8> {
        let stop = Stop::never();
        let mut bytes = Vec::new();
        PackBits::new(Input::new(data, false, &stop)).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_example_of_the_specification() {
        let packed = b"\xfe\xaa\x02\x80\x00\x2a\xfd\xaa\x03\x80\x00\x2a\x22\xf7\xaa";
        let expected =
            b"\xaa\xaa\xaa\x80\x00\x2a\xaa\xaa\xaa\xaa\x80\x00\x2a\x22\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa";
        assert_eq!(unpacked(packed), expected);
    }

    #[test]
    fn data_that_ends_inside_a_run() {
        assert_eq!(unpacked(b"\x80\x80\x00x\x80"), b"x");
        assert_eq!(unpacked(b"\x05ab"), b"ab");
        assert_eq!(unpacked(b"\xf0"), b"");
    }
}
