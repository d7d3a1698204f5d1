//! The boxes of ISO's base media file format, and the big-endian numbers in them.

use crate::error::Error;

/// A box's kind, of four characters.
pub(in super::super) type Kind = [u8; 4];

/// The boxes that follow one another in some bytes (ISO/IEC 14496-12, section 4.2): the kind and the content of each. A box
/// that passes the end of the bytes ends them.
#[derive(Clone)]
pub(super) struct Boxes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = (Kind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut numbers = Numbers(self.0);
        let short = numbers.unsigned(4).ok()?;
        let kind: Kind = numbers.take(4).ok()?.try_into().ok()?;
        let (header, length) = match short {
            // The last box has no length and takes the rest.
            0 => (8, self.0.len()),
            1 => (16, usize::try_from(numbers.unsigned(8).ok()?).ok()?),
            length => (8, usize::try_from(length).ok()?),
        };
        let content = self.0.get(header..length)?;
        self.0 = &self.0[length..];
        Some((kind, content))
    }
}

/// The content of the first box of the kind `wanted`.
///
/// # Errors
/// [`Error::DamagedImage`] if there is none.
pub(super) fn first<'a>(bytes: &'a [u8], wanted: &Kind) -> Result<&'a [u8], Error> {
    Boxes(bytes).find(|(kind, _)| kind == wanted).map(|(_, content)| content).ok_or(Error::DamagedImage)
}

/// Big-endian numbers that follow one another.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a>(pub(super) &'a [u8]);

impl<'a> Numbers<'a> {
    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Error::DamagedImage)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of at most eight bytes; 0 without any.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] if there are fewer bytes.
    pub(super) fn unsigned(&mut self, bytes: usize) -> Result<u64, Error> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of one byte.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] at the end.
    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    /// A number of two bytes.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] at the end.
    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A number of four bytes.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] at the end.
    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A number of four bytes where `wide`, else of two.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] at the end.
    pub(super) fn id(&mut self, wide: bool) -> Result<u32, Error> {
        if wide { self.u32() } else { self.u16().map(u32::from) }
    }

    /// The version and the flags of a full box (ISO/IEC 14496-12, section 4.2.2).
    ///
    /// # Errors
    /// [`Error::DamagedImage`] at the end.
    pub(super) fn version(&mut self) -> Result<(u8, u32), Error> {
        let both = self.u32()?;
        Ok((both.to_be_bytes()[0], both & 0x00ff_ffff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_four_bytes_of_eight_and_to_the_end() {
        let bytes = b"\0\0\0\x09abcdX\0\0\0\x01efgh\0\0\0\0\0\0\0\x11Y\0\0\0\0ijklZZZ";
        let boxes: Vec<_> = Boxes(bytes).collect();
        assert_eq!(boxes, [(*b"abcd", &b"X"[..]), (*b"efgh", b"Y"), (*b"ijkl", b"ZZZ")]);
        assert_eq!(first(bytes, b"efgh"), Ok(&b"Y"[..]));
        assert_eq!(first(bytes, b"none"), Err(Error::DamagedImage));
    }

    #[test]
    fn a_length_that_can_not_be_ends_the_boxes() {
        for bytes in [
            &b""[..],
            b"\0\0\0\x08abc",
            b"\0\0\0\x07abcd",
            b"\0\0\0\x09abcd",
            b"\0\0\0\x01abcd\0\0\0\0\0\0\0",
            b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0f",
            b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(Boxes(bytes).next(), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn numbers_end_with_their_bytes() {
        let mut numbers = Numbers(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((numbers.u8(), numbers.u16(), numbers.unsigned(3)), (Ok(1), Ok(0x0203), Ok(0x0004_0506)));
        assert_eq!((numbers.u32(), numbers.unsigned(0), numbers.u8()), (Err(Error::DamagedImage), Ok(0), Ok(7)));
        assert_eq!(numbers.u8(), Err(Error::DamagedImage));
    }
}
