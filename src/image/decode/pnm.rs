//! PBM, PGM and PPM, plain and raw, and PFM of one channel, as Pillow reads them (Netpbm: pbm(5), pgm(5), ppm(5), pfm(5)).

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

/// Characters of a number at most. Pillow refuses longer ones.
const DIGITS: usize = 10;

/// Samples of a table at most.
const TABLE: usize = 1 << 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bits,
    Gray,
    Rgb,
    /// 32-bit floating-point numbers, the rows from the bottom up.
    Floats,
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a [u8],
    kind: Kind,
    is_plain: bool,
    /// The greatest sample.
    most: u16,
    /// The 8-bit value of each sample.
    table: Vec<u8>,
    is_little: bool,
}

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let (kind, is_plain) = match source.file.get(1) {
        Some(b'1') => (Kind::Bits, true),
        Some(b'2') => (Kind::Gray, true),
        Some(b'3') => (Kind::Rgb, true),
        Some(b'4') => (Kind::Bits, false),
        Some(b'5') => (Kind::Gray, false),
        Some(b'6') => (Kind::Rgb, false),
        Some(b'f') => (Kind::Floats, false),
        _ => return Err(Error::DamagedImage),
    };
    // The byte behind the two of the magic number is white space.
    let rest = source.file.get(3..).unwrap_or_default();
    let mut reader = Reader { rest, kind, is_plain, most: 1, table: Vec::new(), is_little: false };
    let size = source.check(Size { width: reader.number()?, height: reader.number()? })?;
    reader.read_scale()?;
    source.admit(size, TABLE as u64)?;
    memory::resize(pixels, size.pixels() * CHANNELS)?;
    let row = size.width as usize * CHANNELS;
    for y in 0..size.height as usize {
        source.stop.check()?;
        let y = if kind == Kind::Floats { size.height as usize - 1 - y } else { y };
        reader.read_row(&mut pixels[y * row..][..row])?;
    }
    Ok(size)
}

impl<'a> Reader<'a> {
    /// Reads what stands between the size and the samples.
    fn read_scale(&mut self) -> Result<(), Error> {
        match self.kind {
            Kind::Bits => {}
            Kind::Floats => {
                let scale: f64 = self.parse()?;
                if !scale.is_finite() || scale == 0.0 {
                    return Err(Error::DamagedImage);
                }
                self.is_little = scale < 0.0;
            }
            Kind::Gray | Kind::Rgb => {
                self.most = self.parse()?;
                if self.most == 0 {
                    return Err(Error::DamagedImage);
                }
                self.fill_table()?;
            }
        }
        Ok(())
    }

    /// Fills the table with Pillow's arithmetic (`PpmDecoder` in PpmImagePlugin.py): samples are stretched to 8 bits, but gray
    /// ones of more than 8 bits to 16, which are then cut off at 255. Halves are rounded to even numbers.
    fn fill_table(&mut self) -> Result<(), Error> {
        let is_wide = self.most > 255;
        let to = if is_wide && self.kind == Kind::Gray { 65_535.0 } else { 255.0 };
        memory::zeros(&mut self.table, if is_wide { TABLE } else { 256 })?;
        for (sample, value) in (0..=u16::MAX).zip(&mut self.table) {
            let stretched = (f64::from(sample) / f64::from(self.most) * to).round_ties_even();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut off")]
            let cut_off = stretched as u8;
            *value = cut_off;
        }
        Ok(())
    }

    fn read_row(&mut self, rgb: &mut [u8]) -> Result<(), Error> {
        let pixels = rgb.len() / CHANNELS;
        match (self.kind, self.is_plain) {
            (Kind::Bits, true) => self.read_digits(rgb)?,
            (_, true) => self.read_numbers(rgb)?,
            (Kind::Bits, false) => {
                let stored = self.take(pixels.div_ceil(8))?;
                let bit = |index: usize| stored.get(index / 8).map_or(0, |byte| byte << (index % 8) & 0x80);
                put_gray(rgb, (0..pixels).map(|index| white_unless(bit(index) != 0)));
            }
            (Kind::Floats, false) => {
                let is_little = self.is_little;
                let stored = self.take(pixels.saturating_mul(4))?;
                let value = |bytes| if is_little { f32::from_le_bytes(bytes) } else { f32::from_be_bytes(bytes) };
                // Pillow cuts off what is out of range, and the fraction.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut off")]
                put_gray(rgb, stored.as_chunks().0.iter().map(|bytes| value(*bytes) as u8));
            }
            (Kind::Rgb, false) if self.most == 255 => rgb.copy_from_slice(self.take(rgb.len())?),
            (Kind::Gray | Kind::Rgb, false) => self.read_bytes(rgb)?,
        }
        Ok(())
    }

    /// Reads binary samples of one byte or two.
    fn read_bytes(&mut self, rgb: &mut [u8]) -> Result<(), Error> {
        let samples = if self.kind == Kind::Gray { rgb.len() / CHANNELS } else { rgb.len() };
        let bytes = if self.most > 255 { 2 } else { 1 };
        let stored = self.take(samples.saturating_mul(bytes))?;
        let (table, gray) = (&self.table[..], self.kind == Kind::Gray);
        if bytes == 1 {
            put(gray, rgb, stored.iter().map(|sample| table[usize::from(*sample)]));
        } else {
            let samples = stored.as_chunks().0.iter().map(|sample| u16::from_be_bytes(*sample));
            put(gray, rgb, samples.map(|sample| table[usize::from(sample)]));
        }
        Ok(())
    }

    /// Reads samples in decimal.
    fn read_numbers(&mut self, rgb: &mut [u8]) -> Result<(), Error> {
        let repeated = if self.kind == Kind::Gray { CHANNELS } else { 1 };
        for places in rgb.chunks_exact_mut(repeated) {
            let sample: u16 = self.parse()?;
            if sample > self.most {
                return Err(Error::DamagedImage);
            }
            places.fill(self.table[usize::from(sample)]);
        }
        Ok(())
    }

    /// Reads bits as digits, between which there may be white space.
    fn read_digits(&mut self, rgb: &mut [u8]) -> Result<(), Error> {
        for pixel in rgb.as_chunks_mut::<CHANNELS>().0 {
            let digit = loop {
                match self.byte().ok_or(Error::DamagedImage)? {
                    b'#' => self.skip_comment(),
                    byte if is_space(byte) => {}
                    byte => break byte,
                }
            };
            if !matches!(digit, b'0' | b'1') {
                return Err(Error::DamagedImage);
            }
            *pixel = [white_unless(digit == b'1'); CHANNELS];
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u32, Error> {
        self.parse()
    }

    /// Reads a number, and the byte of white space behind it.
    fn parse<T: std::str::FromStr>(&mut self) -> Result<T, Error> {
        let (mut digits, mut length) = ([0; DIGITS], 0);
        while let Some(byte) = self.byte() {
            if byte == b'#' {
                // A comment does not end a number, as in Pillow.
                self.skip_comment();
            } else if !is_space(byte) {
                *digits.get_mut(length).ok_or(Error::DamagedImage)? = byte;
                length += 1;
            } else if length > 0 {
                break;
            }
        }
        let text = std::str::from_utf8(&digits[..length]).map_err(|_| Error::DamagedImage)?;
        text.parse().map_err(|_| Error::DamagedImage)
    }

    fn skip_comment(&mut self) {
        while self.byte().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {}
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::DamagedImage)?;
        self.rest = rest;
        Ok(taken)
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// In bitmaps, 1 is black.
const fn white_unless(is_set: bool) -> u8 {
    if is_set { 0 } else { u8::MAX }
}

fn put(is_gray: bool, rgb: &mut [u8], samples: impl Iterator<Item = u8>) {
    if is_gray {
        put_gray(rgb, samples);
    } else {
        rgb.iter_mut().zip(samples).for_each(|(place, sample)| *place = sample);
    }
}

fn put_gray(rgb: &mut [u8], samples: impl Iterator<Item = u8>) {
    rgb.as_chunks_mut().0.iter_mut().zip(samples).for_each(|(pixel, sample)| *pixel = [sample; CHANNELS]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Limits;
    use crate::stop::Stop;

    fn decoded(file: &[u8]) -> Result<Vec<u8>, Error> {
        let mut pixels = vec![9; 2];
        decode(&Source { file, limits: Limits::NONE, stop: &Stop::never() }, &mut pixels).map(|_| pixels)
    }

    fn gray(file: &[u8]) -> Result<Vec<u8>, Error> {
        decoded(file).map(|pixels| pixels.into_iter().step_by(CHANNELS).collect())
    }

    #[test]
    fn samples_are_stretched_or_cut_off_as_in_pillow() {
        assert_eq!(gray(b"P5\n2 2\n7\n\x01\x02\x03\x08").unwrap(), [36, 73, 109, 255]);
        assert_eq!(gray(b"P5 3 1 300 \0\0\0\x01\x01\x01").unwrap(), [0, 218, 255]);
        assert_eq!(gray(b"P5 2 1 65535 \0\x05\x01\x01").unwrap(), [5, 255]);
        assert_eq!(decoded(b"P6 1 1 1023 \0\x05\x01\x01\x03\xff").unwrap(), [1, 64, 255]);
        assert_eq!(decoded(b"P6 1 1 15 \x01\x07\x10").unwrap(), [17, 119, 255]);
        assert_eq!(gray(b"P2 2 2 300\n1 2 0 3").unwrap(), [218, 255, 0, 255]);
    }

    #[test]
    fn a_comment_ends_no_number() {
        assert_eq!(decoded(b"P3 1 1 17 1#c\n2 3 5 ").unwrap(), [180, 45, 75]);
        assert_eq!(gray(b"P1 #a\n2 2 01 1#x\n0").unwrap(), [255, 0, 0, 255]);
        assert_eq!(decoded(b"P5 1 1 255#k\n\x01"), Err(Error::DamagedImage));
    }

    #[test]
    fn floats_are_cut_off_from_the_bottom_up() {
        let floats = [1.9_f32, 2.0, 300.0, -4.0].map(f32::to_le_bytes);
        assert_eq!(gray(&[b"Pf 2 2 -1.0\n", floats.as_flattened()].concat()).unwrap(), [255, 0, 1, 2]);
        assert_eq!(gray(&[b"Pf 1 1 2\n", &f32::NAN.to_be_bytes()[..]].concat()).unwrap(), [0]);
    }

    #[test]
    fn what_pillow_refuses_is_damaged() {
        for file in [
            &b"P6 1 1 255 \x01\x02"[..],
            b"P2 2 2 255 1 2 3",
            b"P2 2 2 3 1 2 3 4",
            b"P2 2 2 3 1 2 3 -1",
            b"P2 1 1 255 0000000000255",
            b"P5 0 2 3 ",
            b"P5 1 1 0 \x01",
            b"P5 1 1 70000 \x01",
            b"P1 2 1 02",
            b"Pf 1 1 inf \0\0\0\0",
            b"P5 ",
        ] {
            assert_eq!(decoded(file), Err(Error::DamagedImage), "{}", file.escape_ascii());
        }
    }
}
