//! The predictor: samples are stored as differences from the pixel to their left (TIFF 6.0, section 14).

use super::tags::{self, Tags};
use crate::error::Error;

/// How a row's samples are stored.
#[derive(Clone, Copy)]
pub(super) struct Predictor {
    /// Bits of a sample whose differences are stored; `None` for samples as they are.
    bits: Option<usize>,
    samples: usize,
    is_little: bool,
}

impl Predictor {
    /// `samples` are those of a pixel in a row, of `bits` bits each.
    pub(super) fn of(tags: &Tags<'_>, bits: usize, samples: usize) -> Result<Self, Error> {
        let bits = match tags.number(tags::PREDICTOR).unwrap_or(1) {
            1 => None,
            2 if matches!(bits, 8 | 16 | 32) => Some(bits),
            3 => return Err(Error::UnsupportedImage { kind: "TIFF with the predictor of floating point" }),
            _ => return Err(Error::DamagedImage),
        };
        Ok(Self { bits, samples, is_little: tags.is_little() })
    }

    /// Samples as they are.
    pub(super) fn none() -> Self {
        Self { bits: None, samples: 1, is_little: true }
    }

    pub(super) fn is_none(self) -> bool {
        self.bits.is_none()
    }

    /// Turns the differences of a row into samples.
    pub(super) fn undo(self, row: &mut [u8]) {
        match self.bits {
            Some(8) => match self.samples {
                1 => bytes::<1>(row),
                3 => bytes::<3>(row),
                4 => bytes::<4>(row),
                samples => (samples..row.len()).for_each(|at| row[at] = row[at].wrapping_add(row[at - samples])),
            },
            Some(16) if self.is_little => self.add(row, u16::from_le_bytes, u16::wrapping_add, u16::to_le_bytes),
            Some(16) => self.add(row, u16::from_be_bytes, u16::wrapping_add, u16::to_be_bytes),
            Some(_) if self.is_little => self.add(row, u32::from_le_bytes, u32::wrapping_add, u32::to_le_bytes),
            Some(_) => self.add(row, u32::from_be_bytes, u32::wrapping_add, u32::to_be_bytes),
            None => {}
        }
    }

    /// Adds numbers of more than one byte.
    fn add<T, const BYTES: usize>(
        self,
        row: &mut [u8],
        read: impl Fn([u8; BYTES]) -> T,
        sum: impl Fn(T, T) -> T,
        write: impl Fn(T) -> [u8; BYTES],
    ) {
        let (row, _) = row.as_chunks_mut::<BYTES>();
        for at in self.samples..row.len() {
            row[at] = write(sum(read(row[at]), read(row[at - self.samples])));
        }
    }
}

/// Pixels of a known number of bytes, which the compiler keeps in registers.
fn bytes<const SAMPLES: usize>(row: &mut [u8]) {
    let mut before = [0_u8; SAMPLES];
    let (pixels, _) = row.as_chunks_mut::<SAMPLES>();
    for pixel in pixels {
        for (value, before) in pixel.iter_mut().zip(&mut before) {
            *value = value.wrapping_add(*before);
            *before = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(bits: usize, samples: usize, is_little: bool, row: &[u8]) -> Vec<u8> {
        let mut row = row.to_vec();
        Predictor { bits: Some(bits), samples, is_little }.undo(&mut row);
        row
    }

    #[test]
    fn differences_are_those_to_the_pixel_before() {
        assert_eq!(undone(8, 1, true, &[250, 3, 3, 255]), [250, 253, 0, 255]);
        assert_eq!(undone(8, 2, true, &[1, 10, 2, 20, 3, 30]), [1, 10, 3, 30, 6, 60]);
        assert_eq!(undone(8, 3, true, &[1, 2, 3, 1, 1, 1]), [1, 2, 3, 2, 3, 4]);
        assert_eq!(undone(16, 1, true, &[255, 0, 1, 0]), [255, 0, 0, 1]);
        assert_eq!(undone(16, 1, false, &[0, 255, 0, 1]), [0, 255, 1, 0]);
        assert_eq!(undone(32, 1, false, &[0, 0, 255, 255, 0, 0, 0, 1]), [0, 0, 255, 255, 0, 1, 0, 0]);
        assert_eq!(undone(8, 4, true, &[7]), [7]);
    }
}
