//! Luma and chroma of 8 bits to RGB (TIFF 6.0, section 21), where no JPEG decoder does it.

use super::compression::Compression;
use super::tags::{self, List, Tags};
use crate::error::Error;
use crate::image::CHANNELS;

/// Tables of what each value adds to a colour, in the arithmetic of Pillow or of libtiff.
pub(super) struct YCbCr {
    luma: [i32; 256],
    cr_red: [i32; 256],
    cb_green: [i32; 256],
    cr_green: [i32; 256],
    cb_blue: [i32; 256],
    /// Bits behind the point of the sums of chroma.
    shift: u32,
    /// Pixels across and down that share their chroma: 1, 2 or 4.
    pub(super) factors: (usize, usize),
}

impl YCbCr {
    pub(super) fn of(tags: &Tags<'_>, compression: Compression) -> Result<Self, Error> {
        let list = tags.list(tags::YCBCR_SUBSAMPLING);
        // Pillow takes uncompressed strips for not subsampled.
        let default = if compression == Compression::None { 1 } else { 2 };
        let factor = |index| list.map_or(Some(default), |list: List<'_>| list.get(index));
        let factor = |index| match factor(index) {
            Some(factor @ (1 | 2 | 4)) => Ok(usize::from(factor.to_le_bytes()[0])),
            _ => Err(Error::DamagedImage),
        };
        let factors = if tags.is_planar() { (1, 1) } else { (factor(0)?, factor(1)?) };
        // Pillow reads uncompressed strips itself, not through libtiff.
        if compression == Compression::None && factors == (1, 1) {
            return Ok(Self::pillow());
        }
        let list = |tag, default: &[f32]| -> Vec<f32> {
            let read = |list: List<'_>| (0..default.len()).map(|index| list.fraction(index)).collect::<Option<_>>();
            tags.list(tag).and_then(read).unwrap_or_else(|| default.to_vec())
        };
        let luma = list(tags::YCBCR_COEFFICIENTS, &[0.299, 0.587, 0.114]);
        let range = list(tags::REFERENCE_BLACK_WHITE, &[0.0, 255.0, 128.0, 255.0, 128.0, 255.0]);
        if luma[1] == 0.0 {
            return Err(Error::DamagedImage);
        }
        Ok(Self::libtiff(&luma, &range, factors))
    }

    /// Pillow, ConvertYCbCr.c: the matrix of JFIF with six bits behind the point.
    #[expect(clippy::cast_possible_truncation, reason = "small numbers, cut off as in the C code")]
    fn pillow() -> Self {
        let table = |factor: f64| values(|value| (f64::from(value - 128) * factor * 64.0 + 0.5) as i32);
        Self {
            luma: values(|value| value),
            cr_red: table(1.402).map(|red| red >> 6),
            cb_green: table(-0.34414),
            cr_green: table(-0.71414),
            cb_blue: table(1.772).map(|blue| blue >> 6),
            shift: 6,
            factors: (1, 1),
        }
    }

    /// libtiff, `TIFFYCbCrToRGBInit` in `tif_color.c`, in its single precision.
    fn libtiff(luma: &[f32], range: &[f32], factors: (usize, usize)) -> Self {
        const HALF: i32 = 1 << 15;
        let of_red = 2.0 - 2.0 * luma[0];
        let of_blue = 2.0 - 2.0 * luma[2];
        let red = fixed(of_red);
        let blue = fixed(of_blue);
        let red_of_green = -fixed(luma[0] * of_red / luma[1]);
        let blue_of_green = -fixed(luma[2] * of_blue / luma[1]);
        let cb = values(|value| coded(value - 128, range[2] - 128.0, range[3] - 128.0, 127.0));
        let cr = values(|value| coded(value - 128, range[4] - 128.0, range[5] - 128.0, 127.0));
        Self {
            luma: values(|value| coded(value, range[0], range[1], 255.0)),
            cr_red: cr.map(|cr| (red.wrapping_mul(cr).wrapping_add(HALF)) >> 16),
            cb_green: cb.map(|cb| blue_of_green.wrapping_mul(cb).wrapping_add(HALF)),
            cr_green: cr.map(|cr| red_of_green.wrapping_mul(cr)),
            cb_blue: cb.map(|cb| (blue.wrapping_mul(cb).wrapping_add(HALF)) >> 16),
            shift: 16,
            factors,
        }
    }

    pub(super) fn rgb(&self, [luma, cb, cr]: [u8; 3]) -> [u8; CHANNELS] {
        let (luma, cb, cr) = (self.luma[usize::from(luma)], usize::from(cb), usize::from(cr));
        let green = self.cb_green[cb].wrapping_add(self.cr_green[cr]) >> self.shift;
        [self.cr_red[cr], green, self.cb_blue[cb]].map(|added| {
            let value = luma.saturating_add(added);
            u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
        })
    }

    /// Whether several pixels share their chroma.
    pub(super) fn is_subsampled(&self) -> bool {
        self.factors != (1, 1)
    }

    /// Bytes of the rows that share their chroma, of `width` pixels: units of their luma, row by row, and both chromas.
    pub(super) fn row_bytes(&self, width: usize) -> Option<usize> {
        width.div_ceil(self.factors.0).checked_mul(self.factors.0 * self.factors.1 + 2)
    }

    /// Writes three samples for each pixel of the row `line` of those that share their chroma.
    pub(super) fn spread(&self, units: &[u8], line: usize, samples: &mut [u8]) {
        let (across, down) = self.factors;
        let pixels = across * down;
        for (unit, samples) in units.chunks_exact(pixels + 2).zip(samples.chunks_mut(across * CHANNELS)) {
            let luma = &unit[line % down * across..][..across];
            for (luma, sample) in luma.iter().zip(samples.chunks_exact_mut(CHANNELS)) {
                sample.copy_from_slice(&[*luma, unit[pixels], unit[pixels + 1]]);
            }
        }
    }
}

fn values(of: impl Fn(i32) -> i32) -> [i32; 256] {
    let mut table = [0; 256];
    for (entry, value) in table.iter_mut().zip(0..) {
        *entry = of(value);
    }
    table
}

/// A factor with 16 bits behind the point.
#[expect(clippy::cast_possible_truncation, reason = "at most 2, cut off as in the C code")]
fn fixed(factor: f32) -> i32 {
    (f64::from(factor.clamp(0.0, 2.0)) * 65536.0 + 0.5) as i32
}

/// A value between the codes of black and white, scaled to `range`: libtiff's `Code2V`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "small numbers, cut off as in the C code"
)]
fn coded(value: i32, black: f32, white: f32, range: f32) -> i32 {
    let span = if white - black == 0.0 { 1.0 } else { white - black };
    let scaled = value.wrapping_sub(black as i32) as f32 * range / span;
    scaled.clamp(-4096.0, 4096.0) as i32
}
