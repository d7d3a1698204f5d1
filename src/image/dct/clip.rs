//! Blocks whose samples or colours leave the range of a byte.
//!
//! A full decode limits every sample and every colour to 0..=255 before the resize averages them. The resize from coefficients
//! averages first. So a block that may leave the range is computed in pixels, and what its limits change is taken back into
//! coefficients, which are resized beside the picture's.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "samples and coefficients are small numbers"
)]
#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use std::f32::consts::PI;

use super::lanes::{LANES, Lanes};
use super::{BLOCK, FREQUENCIES, ZIGZAG_LENGTH};

/// The place in its block, row by row, of each coefficient in the order of the file (T.81, figure A.6).
const PLACES: [u8; ZIGZAG_LENGTH] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Parts of Cb and Cr in red, green and blue (ITU-T T.871, 7).
const RED: f32 = 1.402;
const GREEN: (f32, f32) = (-0.344_136_3, -0.714_136_3);
const BLUE: f32 = 1.772;

/// The largest parts of Y, Cb and Cr in a colour.
pub(super) const PARTS: [f32; 3] = [1.0, BLUE, RED];

/// The variance of samples that are taken to be equal.
const EVEN: f32 = 2.0;

/// See [`Spread::leaves_range`].
const DEVIATIONS: f32 = 2.0;
const NEGLIGIBLE: f32 = 12.0;

/// A coefficient of red, green and blue, and nothing: vectors have four values.
pub(super) type Change = [f32; 4];

/// 8 x 8 values, row by row.
pub(super) type Samples = [[f32; BLOCK]; BLOCK];

/// The most that a DC coefficient's absolute value and twice the sum of the others' may be, with those of Cb and Cr, in blocks that
/// [do not leave the range](Spread::leaves_range): 8 times the room, as no standard deviation is more than an eighth of the sum.
pub(super) const MOST: i32 = ((127.5 + NEGLIGIBLE) * 8.0) as i32;

/// The same numbers of Cb and Cr, times their largest parts in a colour, rounded up.
#[inline]
pub(super) fn most_of_colours(cb: i32, cr: i32) -> i32 {
    let (red, green, blue) = (cr * 23, cb * 6 + cr * 12, cb * 29);
    (red.max(green).max(blue) >> 4) + 1
}

/// The sum of the squares of all dequantised coefficients but the first.
#[inline(always)]
pub(super) fn energy(coefficients: &[i16; ZIGZAG_LENGTH], steps: &[i16; ZIGZAG_LENGTH]) -> i32 {
    let square = |index: usize| {
        let value = i32::from(coefficients[index].wrapping_mul(steps[index]));
        value * value
    };
    let mut all = 0_i32;
    for index in 0..ZIGZAG_LENGTH {
        all = all.wrapping_add(square(index));
    }
    all.wrapping_sub(square(0))
}

/// How the samples of a block, or their parts in a colour, are distributed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    /// The mean, from 128 on.
    mean: f32,
    /// The variance.
    variance: f32,
}

impl Spread {
    /// That of a block by its DC coefficient and the sum of the squares of the others. The transform is orthonormal (Parseval).
    #[inline(always)]
    pub(super) fn new(dc: i16, energy: i32) -> Self {
        Self { mean: f32::from(dc) / 8.0, variance: energy as f32 / ZIGZAG_LENGTH as f32 }
    }

    /// The sample that all are close to; `None` where they differ more.
    pub(super) fn even(self) -> Option<f32> {
        (self.variance < EVEN).then_some(self.mean)
    }

    fn scaled(self, by: f32) -> Self {
        Self { mean: self.mean * by, variance: self.variance * by * by }
    }

    /// That of the sum of both, which are taken to be independent.
    #[inline(always)]
    pub(super) fn plus(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, variance: self.variance + other.variance }
    }

    /// The parts of Cb and Cr in red, green and blue.
    pub(super) fn of_colours(cb: Self, cr: Self) -> [Self; 3] {
        [cr.scaled(RED), cb.scaled(GREEN.0).plus(cr.scaled(GREEN.1)), cb.scaled(BLUE)]
    }

    /// Whether so much may lie outside of the range of a byte that its average is another without it.
    ///
    /// What lies beyond a limit at d standard deviations from the mean is, for a normal distribution, 0.08 of a standard deviation
    /// on average for d = 1, and 0.008 for d = 2. The line comes near to where that is a third of a level.
    #[inline(always)]
    pub(super) fn leaves_range(self) -> bool {
        let room = 127.5 + NEGLIGIBLE - self.mean.abs();
        room < 0.0 || self.variance * (DEVIATIONS * DEVIATIONS) > room * room
    }
}

/// The discrete cosine transform of a block (T.81, A.3.3).
#[derive(Clone, Debug)]
pub(super) struct Transform {
    /// For each frequency, its part in each sample.
    pub(super) cosines: [Lanes; BLOCK],
    /// The same, to the last bit alike in samples that mirror each other.
    pub(super) mirrored: [Lanes; BLOCK],
}

impl Default for Transform {
    fn default() -> Self {
        let cosines: [Lanes; BLOCK] = std::array::from_fn(|frequency| {
            let scale = if frequency == 0 { 0.125_f32.sqrt() } else { 0.5 };
            std::array::from_fn(|sample| scale * ((2 * sample + 1) as f32 * frequency as f32 * PI / 16.0).cos())
        });
        let mirrored = std::array::from_fn(|frequency| {
            let sign = if frequency % 2 == 0 { 1.0 } else { -1.0 };
            std::array::from_fn(|sample| {
                if sample < BLOCK / 2 {
                    cosines[frequency][sample]
                } else {
                    sign * cosines[frequency][BLOCK - 1 - sample]
                }
            })
        });
        Self { cosines, mirrored }
    }
}

impl Transform {
    /// The samples of a block, from 128 on, of its coefficients. A vector holds a row.
    #[inline(always)]
    fn inverse(&self, coefficients: &Samples) -> Samples {
        // Along columns first. Samples that mirror each other have the same even and opposite odd frequencies.
        let mut between = [[0.0; BLOCK]; BLOCK];
        for sample in 0..BLOCK / 2 {
            for column in 0..BLOCK {
                let part = |frequency: usize| coefficients[frequency][column] * self.cosines[frequency][sample];
                let even = part(0) + part(2) + (part(4) + part(6));
                let odd = part(1) + part(3) + (part(5) + part(7));
                between[sample][column] = even + odd;
                between[BLOCK - 1 - sample][column] = even - odd;
            }
        }
        let mut samples = [[0.0; BLOCK]; BLOCK];
        for (row, between) in samples.iter_mut().zip(&between) {
            for (column, sample) in row.iter_mut().enumerate() {
                let part = |frequency: usize| between[frequency] * self.mirrored[frequency][column];
                let even = part(0) + part(2) + (part(4) + part(6));
                *sample = even + (part(1) + part(3) + (part(5) + part(7)));
            }
        }
        samples
    }

    /// The part of a frequency in a sample.
    pub(super) fn part(&self, frequency: usize, sample: usize) -> f32 {
        self.cosines[frequency][sample]
    }

    /// One sample of each column, of the columns' lowest coefficients.
    #[inline(always)]
    pub(super) fn sample(&self, coefficients: &[Lanes; FREQUENCIES], sample: usize) -> Lanes {
        let mut values = [0.0; LANES];
        for (lane, value) in values.iter_mut().enumerate() {
            let part = |frequency: usize| coefficients[frequency][lane] * self.cosines[frequency][sample];
            *value = part(0) + part(1) + part(2) + part(3) + part(4);
        }
        values
    }
}

/// Dequantised coefficients in their places, the first of which is `dc`.
#[inline(always)]
pub(super) fn in_place(
    coefficients: &[i16; ZIGZAG_LENGTH],
    steps: &[i16; ZIGZAG_LENGTH],
    dc: i16,
) -> [i16; ZIGZAG_LENGTH] {
    let mut values = [0; ZIGZAG_LENGTH];
    for index in 0..ZIGZAG_LENGTH {
        values[usize::from(PLACES[index])] = coefficients[index].wrapping_mul(steps[index]);
    }
    values[0] = dc;
    values
}

/// The samples of a block, from 128 on, whose first coefficient is `dc` once it is dequantised.
#[inline(always)]
pub(super) fn samples(
    transform: &Transform,
    coefficients: &[i16; ZIGZAG_LENGTH],
    steps: &[i16; ZIGZAG_LENGTH],
    dc: i16,
) -> Samples {
    let values = in_place(coefficients, steps, dc);
    let mut rows = [[0.0; BLOCK]; BLOCK];
    for (row, values) in rows.iter_mut().zip(values.as_chunks::<BLOCK>().0) {
        for (coefficient, value) in row.iter_mut().zip(values) {
            *coefficient = f32::from(*value);
        }
    }
    transform.inverse(&rows)
}

/// The parts of Cb and Cr in a colour: 0 is red, 1 green, and 2 blue.
#[inline(always)]
pub(super) fn weights(channel: usize) -> [f32; 2] {
    [[0.0, RED], [GREEN.0, GREEN.1], [BLUE, 0.0]][channel]
}

/// Red, green and blue, all from 128 on.
#[inline(always)]
pub(super) fn colours(y: f32, cb: f32, cr: f32) -> [f32; 3] {
    [y + RED * cr, y + GREEN.0 * cb + GREEN.1 * cr, y + BLUE * cb]
}

/// What the limits of samples and colours change in red, green and blue, where `cb` and `cr` are those of the same pixels: the three
/// lowest coefficients of each, which are the first, the next along a row, and the next along a column.
#[inline(always)]
pub(super) fn changes(transform: &Transform, y: &Samples, cb: &Samples, cr: &Samples) -> [Change; 3] {
    let limit = |value: f32| value.clamp(-128.0, 127.0);
    let [flat, slope, ..] = &transform.cosines;
    // Sums over the rows, for each column.
    let (mut columns, mut sloped) = ([[0.0; BLOCK]; 3], [[0.0; BLOCK]; 3]);
    for row in 0..BLOCK {
        for column in 0..BLOCK {
            let (y, cb, cr) = (y[row][column], cb[row][column], cr[row][column]);
            let (free, limited) = (colours(y, cb, cr), colours(limit(y), limit(cb), limit(cr)));
            for channel in 0..3 {
                let change = limit(limited[channel]) - free[channel];
                columns[channel][column] += change * flat[0];
                sloped[channel][column] += change * slope[row];
            }
        }
    }
    let mut changes = [[0.0; 4]; 3];
    for (coefficient, (sums, cosines)) in [(&columns, flat), (&columns, slope), (&sloped, flat)].into_iter().enumerate()
    {
        for channel in 0..3 {
            let mut total = 0.0;
            for column in 0..BLOCK {
                total += sums[channel][column] * cosines[column];
            }
            changes[coefficient][channel] = total;
        }
    }
    changes
}
