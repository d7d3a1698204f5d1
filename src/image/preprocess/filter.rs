//! The weights of one pass.
//!
//! The arithmetic is that of Pillow 13's `Resample.c` (`precompute_coeffs`, `normalize_coeffs_8bpc`).

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "positions are sides of pictures, far below 2^31, and truncation is part of the arithmetic"
)]

/// Fraction bits of a weight: 32, less 8 of a pixel and 2 for the sum's overshoot.
pub(crate) const PRECISION: u32 = 22;

/// Half of the last place kept: a sum that starts here and is shifted right is rounded.
pub(crate) const HALF: i32 = 1 << (PRECISION - 1);

/// Half the width of the bicubic kernel, in pixels.
const SUPPORT: f64 = 2.0;

/// Where one output value reads and with which weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// The first source position.
    pub(crate) start: usize,
    /// The weights from there on, scaled by `1 << PRECISION`; they sum to about that.
    pub(crate) weights: &'a [i32],
}

/// One axis of a picture, of which every position stands for `reduction` of the picture's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    /// The picture's own positions.
    pub(crate) length: u32,
    /// How many of these a position stands for.
    pub(crate) reduction: u32,
    /// Whether it is to be read from the far end.
    pub(crate) mirror: bool,
}

/// The windows of every output position along one axis; keeps its memory from axis to axis.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    windows: Vec<(usize, usize)>,
    weights: Vec<i32>,
    exact: Vec<f64>,
    stride: usize,
}

impl Filter {
    /// Bicubic (a = -0.5) from `source` to `target` positions, widened for a reduction so that no
    /// pixel is skipped.
    pub(crate) fn bicubic(&mut self, source: Axis, target: u32) {
        let extent = f64::from(source.length) / f64::from(source.reduction);
        let positions = source.length.div_ceil(source.reduction);
        // The part of the last position that is not the picture's comes first where it is read from there.
        let begin = if source.mirror { f64::from(positions) - extent } else { 0.0 };
        let scale = extent / f64::from(target);
        let filter_scale = scale.max(1.0);
        let support = SUPPORT * filter_scale;
        self.stride = support.ceil() as usize * 2 + 1;
        self.windows.clear();
        self.weights.clear();
        self.weights.resize(self.stride * target as usize, 0);
        self.exact.resize(self.stride, 0.0);
        for (position, weights) in (0..target).zip(self.weights.chunks_exact_mut(self.stride)) {
            let centre = (f64::from(position) + 0.5) * scale + begin;
            let start = ((centre - support + 0.5) as i64).max(0) as usize;
            let end = ((centre + support + 0.5) as i64).min(i64::from(positions)) as usize;
            let exact = &mut self.exact[..end - start];
            for (offset, weight) in exact.iter_mut().enumerate() {
                *weight = bicubic((((start + offset) as f64) - centre + 0.5) / filter_scale);
            }
            normalise(exact, weights);
            self.windows.push((start, end - start));
        }
        if source.mirror {
            self.mirror(positions as usize);
        }
    }

    fn mirror(&mut self, positions: usize) {
        for ((start, length), weights) in self.windows.iter_mut().zip(self.weights.chunks_exact_mut(self.stride)) {
            *start = positions - *start - *length;
            weights[..*length].reverse();
        }
    }

    /// Output positions.
    pub(crate) fn len(&self) -> usize {
        self.windows.len()
    }

    /// The windows in the order of the output.
    pub(crate) fn windows(&self) -> impl Iterator<Item = Window<'_>> {
        self.windows
            .iter()
            .zip(self.weights.chunks_exact(self.stride))
            .map(|(&(start, length), weights)| Window { start, weights: &weights[..length] })
    }
}

/// Keys' cubic convolution kernel with a = -0.5 (R. Keys, 1981, equation 15).
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// Scales the weights to sum 1 and rounds them half away from zero to fixed point.
fn normalise(exact: &[f64], weights: &mut [i32]) {
    let sum: f64 = exact.iter().sum();
    for (weight, exact) in weights.iter_mut().zip(exact) {
        let normalised = if sum == 0.0 { *exact } else { exact * (1.0 / sum) };
        let scaled = normalised * f64::from(1 << PRECISION);
        *weight = if scaled < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 };
    }
}
