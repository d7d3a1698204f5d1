//! libyuv's conversion to RGB: fixed-point integers of 16 bits (`row_common.cc`, `scale_common.cc`, `scale_any.cc`,
//! `convert_argb.cc`), with the coefficients that it uses on x86.

#![expect(clippy::cast_possible_truncation, reason = "the values are bounded by the formulas")]

use super::yuv::{Form, Layout};
use crate::error::Error;
use crate::image::CHANNELS;
use crate::memory;

/// Factors with 6 bits behind the point. Luma is expanded to 16 bits first, and its factor has 16 bits more.
#[derive(Clone, Copy, Debug)]
struct Matrix {
    luma: u16,
    bias: i16,
    u_to_blue: i16,
    u_to_green: i16,
    v_to_green: i16,
    v_to_red: i16,
}

impl Matrix {
    const fn new(luma: u16, bias: i16, u_to_green: i16, v_to_green: i16, v_to_red: i16) -> Self {
        // libyuv limits the factor from U to blue, which is about 129 to 137, to 128 on x86.
        Self { luma, bias, u_to_blue: 128, u_to_green, v_to_green, v_to_red }
    }

    /// The matrices of BT.601, BT.709 and BT.2020, each with full and with limited range (`row_common.cc`).
    fn of(standard: Standard, full_range: bool) -> Self {
        match (standard, full_range) {
            (Standard::Bt601, true) => Self { u_to_blue: 113, ..Self::new(16_320, 32, 22, 46, 90) },
            (Standard::Bt601, false) => Self::new(18_997, -1160, 25, 52, 102),
            (Standard::Bt709, true) => Self { u_to_blue: 119, ..Self::new(16_320, 32, 12, 30, 101) },
            (Standard::Bt709, false) => Self::new(18_997, -1160, 14, 34, 115),
            (Standard::Bt2020, true) => Self { u_to_blue: 120, ..Self::new(16_320, 32, 11, 37, 94) },
            (Standard::Bt2020, false) => Self::new(19_003, -1160, 12, 42, 107),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standard {
    Bt601,
    Bt709,
    Bt2020,
}

/// The standard that libavif chooses (`getLibYUVConstants`), if libyuv has its matrix.
fn standard(form: &Form) -> Option<Standard> {
    match (form.colours.matrix, form.colours.primaries) {
        // The identity can't be meant for gray.
        (0, _) if form.layout == Layout::Gray => Some(Standard::Bt601),
        (1, _) | (12, 1 | 2) => Some(Standard::Bt709),
        (2 | 5 | 6, _) | (12, 5 | 6) => Some(Standard::Bt601),
        (9, _) | (12, 9) => Some(Standard::Bt2020),
        _ => None,
    }
}

/// How chroma gets as many columns as luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    None,
    Same,
    Nearest,
    Interpolated,
}

pub(super) struct Integer {
    matrix: Matrix,
    columns: Columns,
    /// Bits of the samples as they come here.
    bits: u32,
    shifts_alpha: bool,
    u: Vec<u16>,
    v: Vec<u16>,
    /// A chroma row between two rows, times 4.
    between: Vec<u16>,
    channels: [Vec<u8>; CHANNELS],
}

impl Integer {
    /// The conversion, and the number of bits to cut off before it; `None` where libyuv has none for this form
    /// (`getLibYUVConversionFunction`).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn new(form: &Form) -> Result<Option<(Self, u32)>, Error> {
        let Some(standard) = standard(form) else { return Ok(None) };
        // Gray goes through libyuv only with alpha.
        if form.layout == Layout::Gray && !form.has_alpha {
            return Ok(None);
        }
        let (bits, columns) = match (form.layout, form.bits) {
            (Layout::Gray, _) => (8, Columns::None),
            // There is a function for 12 bits, but none that interpolates, and none with alpha.
            (Layout::Quarter, 12) if form.has_alpha => (12, Columns::Nearest),
            (Layout::Full, 10) if form.has_alpha => (10, Columns::Same),
            (_, 10) if form.has_alpha => (10, Columns::Interpolated),
            (Layout::Full, _) => (8, Columns::Same),
            _ => (8, Columns::Interpolated),
        };
        let mut integer = Self {
            matrix: Matrix::of(standard, form.colours.full_range),
            columns,
            bits,
            shifts_alpha: !matches!(columns, Columns::None | Columns::Nearest),
            u: Vec::new(),
            v: Vec::new(),
            between: Vec::new(),
            channels: Default::default(),
        };
        let width = form.size.width as usize;
        memory::zeros(&mut integer.u, width)?;
        memory::zeros(&mut integer.v, width)?;
        memory::zeros(&mut integer.between, width.div_ceil(2))?;
        for channel in &mut integer.channels {
            memory::zeros(channel, width)?;
        }
        Ok(Some((integer, form.bits - bits)))
    }

    pub(super) fn shifts_alpha(&self) -> bool {
        self.shifts_alpha
    }

    /// Converts a row. `u` and `v` are two rows each, of which the first is nearer.
    pub(super) fn row(&mut self, luma: &[u16], u: [&[u16]; 2], v: [&[u16]; 2], rgb: &mut [u8]) {
        if self.columns == Columns::None {
            for (pixel, luma) in rgb.chunks_exact_mut(CHANNELS).zip(luma) {
                pixel.fill(clamped(self.matrix.scaled(luma.wrapping_mul(0x101))));
            }
            return;
        }
        let shift = self.bits - 8;
        for (chroma, whole) in [(u, &mut self.u), (v, &mut self.v)] {
            match self.columns {
                Columns::Interpolated => interpolate(chroma, &mut self.between, whole),
                Columns::Nearest => {
                    whole.chunks_mut(2).zip(chroma[0]).for_each(|(pair, sample)| pair.fill(*sample));
                }
                _ => whole.copy_from_slice(chroma[0]),
            }
            if shift > 0 {
                for sample in whole.iter_mut() {
                    *sample >>= shift;
                }
            }
        }
        let samples = (luma, &self.u[..], &self.v[..]);
        match self.bits {
            8 => self.matrix.convert(samples, |luma| luma.wrapping_mul(0x101), &mut self.channels),
            10 => self.matrix.convert(samples, |luma| (luma << 6) | (luma >> 4), &mut self.channels),
            _ => self.matrix.convert(samples, |luma| (luma << 4) | (luma >> 8), &mut self.channels),
        }
        let [red, green, blue] = &self.channels;
        for (((pixel, red), green), blue) in rgb.chunks_exact_mut(CHANNELS).zip(red).zip(green).zip(blue) {
            pixel.copy_from_slice(&[*red, *green, *blue]);
        }
    }
}

impl Matrix {
    /// Luma of 16 bits, scaled to 6 bits behind the point.
    fn scaled(self, luma: u16) -> i16 {
        ((u32::from(luma) * u32::from(self.luma)) >> 16).cast_signed() as i16 + self.bias
    }

    /// The channels of a row whose chroma has 8 bits. `expand` makes 16 bits of a luma sample.
    ///
    /// Sums of 16 bits that saturate are as good as larger ones, since the result is clamped.
    fn convert(
        self,
        (luma, u, v): (&[u16], &[u16], &[u16]),
        expand: impl Fn(u16) -> u16,
        channels: &mut [Vec<u8>; CHANNELS],
    ) {
        let [red, green, blue] = channels;
        let samples = luma.iter().zip(u).zip(v);
        let channels = red.iter_mut().zip(green).zip(blue);
        for (((luma, u), v), ((red, green), blue)) in samples.zip(channels) {
            let luma = self.scaled(expand(*luma));
            let (u, v) = ((*u).cast_signed() - 128, (*v).cast_signed() - 128);
            *red = clamped(luma.saturating_add(v.wrapping_mul(self.v_to_red)));
            let greens = u.wrapping_mul(self.u_to_green).wrapping_add(v.wrapping_mul(self.v_to_green));
            *green = clamped(luma.saturating_sub(greens));
            *blue = clamped(luma.saturating_add(u.wrapping_mul(self.u_to_blue)));
        }
    }
}

/// A value with 6 bits behind the point, as a byte.
fn clamped(value: i16) -> u8 {
    (value >> 6).clamp(0, 255).cast_unsigned() as u8
}

/// Twice as many columns, and a row between two: weights 9, 3, 3 and 1, of 16 (`ScaleRowUp2_Bilinear`). The first and the last
/// pixel have no second column. With two rows that are the same, this is `ScaleRowUp2_Linear`.
fn interpolate([near, far]: [&[u16]; 2], between: &mut [u16], whole: &mut [u16]) {
    for ((between, near), far) in between.iter_mut().zip(near).zip(far) {
        *between = 3 * near + far;
    }
    let ([first, ..], [.., last]) = (&*between, &*between) else { return };
    let (first, last) = ((first + 2) >> 2, (last + 2) >> 2);
    if let Some((edge, inner)) = whole.split_first_mut() {
        *edge = first;
        for (pair, columns) in inner.chunks_exact_mut(2).zip(between.windows(2)) {
            pair[0] = (3 * columns[0] + columns[1] + 8) >> 4;
            pair[1] = (columns[0] + 3 * columns[1] + 8) >> 4;
        }
    }
    if let Some(edge) = whole.last_mut() {
        *edge = last;
    }
}
