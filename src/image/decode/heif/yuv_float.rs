//! libavif's own conversion to RGB, in floating point, for what libyuv does not convert: gray, the identity and the less usual
//! matrices (`reformat.c`, `colr.c`). Each formula has libavif's order of operations, on which the last bit depends.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "samples of at most 12 bits, and channels that are clamped first"
)]

use super::yuv::{Form, Layout};
use crate::error::Error;
use crate::image::CHANNELS;
use crate::memory;

/// The chromaticities of red, green, blue and white, as x and y (ITU-T H.273, table 2).
type Primaries = [f32; 8];

const BT709: Primaries = [0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329];

/// How the three samples of a pixel become red, green and blue.
#[derive(Clone, Copy, Debug)]
enum Equations {
    /// The samples are green, blue and red (ITU-T H.273, equations 41 to 43).
    Identity,
    /// ITU-T H.273, equations 47 to 50.
    Ycgco,
    /// The lossless `YCgCo` of ITU-T H.273, with two bits more for each sample than for each channel.
    YcgcoR,
    /// The weights of red, green and blue in luma.
    Weights { red: f32, green: f32, blue: f32 },
}

pub(super) struct Float {
    equations: Equations,
    layout: Layout,
    /// libavif has a function for this form that does not divide by alpha.
    is_fast: bool,
    /// The luma and the chroma that a sample stands for.
    luma: Vec<f32>,
    chroma: Vec<f32>,
    /// The channels of a gray pixel, by its sample.
    grays: Vec<u8>,
}

impl Float {
    /// # Errors
    /// [`Error::UnsupportedImage`] for a matrix that libavif refuses too, [`Error::OutOfMemory`].
    pub(super) fn new(form: &Form) -> Result<Self, Error> {
        let equations = equations(form)?;
        let largest = (1_u16 << form.bits) - 1;
        let step = f32::from(1_u16 << (form.bits - 8));
        let (black, luma_range, chroma_range) = if form.colours.full_range {
            (0.0, f32::from(largest), f32::from(largest))
        } else {
            (16.0 * step, 219.0 * step, 224.0 * step)
        };
        let (middle, chroma_range) = match equations {
            Equations::Identity => (black, luma_range),
            _ => (128.0 * step, chroma_range),
        };
        let table = |zero: f32, range: f32| -> Result<Vec<f32>, Error> {
            let mut table = Vec::new();
            memory::reserve(&mut table, usize::from(largest) + 1)?;
            table.extend((0..=largest).map(|sample| (f32::from(sample) - zero) / range));
            Ok(table)
        };
        let luma = table(black, luma_range)?;
        let mut grays = Vec::new();
        memory::reserve(&mut grays, luma.len())?;
        grays.extend(luma.iter().copied().map(byte));
        let is_copied = form.bits == 8 && form.colours.full_range;
        let is_fast = match equations {
            Equations::Identity => is_copied && form.layout == Layout::Full,
            Equations::Weights { .. } => matches!(form.layout, Layout::Full | Layout::Gray),
            Equations::Ycgco | Equations::YcgcoR => false,
        };
        Ok(Self { equations, layout: form.layout, is_fast, luma, chroma: table(middle, chroma_range)?, grays })
    }

    /// Whether libavif divides by alpha in the same step.
    pub(super) const fn divides(&self) -> bool {
        !self.is_fast
    }

    /// Converts a row. `u` and `v` are two rows each, of which the first is nearer.
    pub(super) fn row(&self, luma: &[u16], u: [&[u16]; 2], v: [&[u16]; 2], rgb: &mut [u8]) {
        if self.layout == Layout::Gray {
            for (pixel, sample) in rgb.chunks_exact_mut(CHANNELS).zip(luma) {
                pixel.fill(self.grays.get(usize::from(*sample)).copied().unwrap_or(u8::MAX));
            }
            return;
        }
        let width = luma.len();
        for (x, (pixel, sample)) in rgb.chunks_exact_mut(CHANNELS).zip(luma).enumerate() {
            let y = value(&self.luma, *sample);
            let channels = match self.equations {
                Equations::YcgcoR => lossless(*sample, self.chroma(u, x, width), self.chroma(v, x, width)),
                equations => channels(equations, y, self.chroma(u, x, width), self.chroma(v, x, width)),
            };
            pixel.copy_from_slice(&channels.map(byte));
        }
    }

    /// Chroma of the pixel `x` in a row of `width` pixels, interpolated between columns and rows where there are fewer.
    fn chroma(&self, [near, far]: [&[u16]; 2], x: usize, width: usize) -> f32 {
        let at = |row: &[u16], column: usize| row.get(column).map_or(0.0, |sample| value(&self.chroma, *sample));
        if self.layout == Layout::Full {
            return at(near, x);
        }
        let column = x / 2;
        let beside = match x {
            0 => 0,
            _ if x.is_multiple_of(2) => column - 1,
            _ if x + 1 == width => column,
            _ => column + 1,
        };
        at(near, column) * (9.0 / 16.0)
            + at(near, beside) * (3.0 / 16.0)
            + at(far, column) * (3.0 / 16.0)
            + at(far, beside) * (1.0 / 16.0)
    }
}

/// The value of a sample. One that is too large counts as the largest.
fn value(table: &[f32], sample: u16) -> f32 {
    table.get(usize::from(sample)).or(table.last()).copied().unwrap_or_default()
}

/// A channel from 0 to 1, as a byte.
fn byte(channel: f32) -> u8 {
    (0.5 + channel.clamp(0.0, 1.0) * 255.0) as u8
}

fn channels(equations: Equations, y: f32, u: f32, v: f32) -> [f32; CHANNELS] {
    match equations {
        Equations::Identity => [v, y, u],
        Equations::Ycgco => {
            let rest = y - u;
            [rest + v, y + u, rest - v]
        }
        Equations::Weights { red, green, blue } => [
            y + (2.0 * (1.0 - red)) * v,
            y - ((2.0 * ((red * (1.0 - red) * v) + (blue * (1.0 - blue) * u))) / green),
            y + (2.0 * (1.0 - blue)) * u,
        ],
        Equations::YcgcoR => [y; CHANNELS],
    }
}

/// Red, green and blue of the lossless `YCgCo`, whose samples have 10 bits.
fn lossless(y: u16, u: f32, v: f32) -> [f32; CHANNELS] {
    let whole = |chroma: f32| (chroma * 1023.0 + 0.5).floor() as i32;
    let (y, green, orange) = (i32::from(y), whole(u), whole(v));
    let rest = y - (green >> 1);
    let blue = (rest - (orange >> 1)).clamp(0, 255);
    [(blue + orange).clamp(0, 255), (rest + green).clamp(0, 255), blue].map(|channel| channel as f32 / 255.0)
}

/// The equations for a form (`avifGetYUVColorSpaceInfo`, `avifPrepareReformatState`).
fn equations(form: &Form) -> Result<Equations, Error> {
    let full_range = form.colours.full_range;
    let known = match form.colours.matrix {
        0 => matches!(form.layout, Layout::Full | Layout::Gray),
        3 | 10 | 11 | 13 | 14 | 17.. => false,
        8 => full_range,
        16 => full_range && form.bits == 10,
        _ => true,
    };
    if !known {
        return Err(Error::UnsupportedImage { kind: "AVIF with this colour matrix" });
    }
    Ok(match form.colours.matrix {
        0 => Equations::Identity,
        8 => Equations::Ycgco,
        16 => Equations::YcgcoR,
        matrix => {
            let (red, blue) = weights(matrix, form.colours.primaries);
            Equations::Weights { red, green: 1.0 - red - blue, blue }
        }
    })
}

/// The weights of red and blue in luma (ITU-T H.273, table 4). Those of an unknown matrix are BT.601's.
fn weights(matrix: u16, primaries: u16) -> (f32, f32) {
    match matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        7 => (0.212, 0.087),
        9 => (0.2627, 0.0593),
        12 => derived(&chromaticities(primaries)),
        _ => (0.299, 0.114),
    }
}

/// The chromaticities of ITU-T H.273, table 2; BT.709's for a code point that has none.
fn chromaticities(primaries: u16) -> Primaries {
    match primaries {
        4 => [0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316],
        5 => [0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290],
        6 | 7 => [0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290],
        8 => [0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316],
        9 => [0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290],
        10 => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.3333, 0.3333],
        11 => [0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351],
        12 => [0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290],
        22 => [0.630, 0.340, 0.295, 0.605, 0.155, 0.077, 0.3127, 0.3290],
        _ => BT709,
    }
}

/// The weights that follow from chromaticities (ITU-T H.273, equations 32 to 37).
fn derived(primaries: &Primaries) -> (f32, f32) {
    let [red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y] = *primaries;
    let rest = |x: f32, y: f32| 1.0 - (x + y);
    let (red_z, green_z) = (rest(red_x, red_y), rest(green_x, green_y));
    let (blue_z, white_z) = (rest(blue_x, blue_y), rest(white_x, white_y));
    let whole = white_y
        * (red_x * (green_y * blue_z - blue_y * green_z)
            + green_x * (blue_y * red_z - red_y * blue_z)
            + blue_x * (red_y * green_z - green_y * red_z));
    let red = red_y
        * (white_x * (green_y * blue_z - blue_y * green_z)
            + white_y * (blue_x * green_z - green_x * blue_z)
            + white_z * (green_x * blue_y - blue_x * green_y));
    let blue = blue_y
        * (white_x * (red_y * green_z - green_y * red_z)
            + white_y * (green_x * red_z - red_x * green_z)
            + white_z * (red_x * green_y - green_x * red_y));
    (red / whole, blue / whole)
}
