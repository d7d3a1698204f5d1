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

/// The windows of every output position along one axis.
#[derive(Debug)]
pub(crate) struct Filter {
    windows: Vec<(usize, usize)>,
    weights: Vec<i32>,
    stride: usize,
    source: usize,
}

impl Filter {
    /// Bicubic (a = -0.5) from `source` to `target` positions, widened for a reduction so that no
    /// pixel is skipped.
    pub(crate) fn bicubic(source: u32, target: u32) -> Self {
        let scale = f64::from(source) / f64::from(target);
        let filter_scale = scale.max(1.0);
        let support = SUPPORT * filter_scale;
        let stride = support.ceil() as usize * 2 + 1;
        let source = source as usize;
        let mut filter = Self {
            windows: Vec::with_capacity(target as usize),
            weights: vec![0; stride * target as usize],
            stride,
            source,
        };
        let mut exact = vec![0.0; stride];
        for (position, weights) in (0..target).zip(filter.weights.chunks_exact_mut(stride)) {
            let centre = (f64::from(position) + 0.5) * scale;
            let start = ((centre - support + 0.5) as i64).max(0) as usize;
            let end = ((centre + support + 0.5) as i64).min(source as i64) as usize;
            let exact = &mut exact[..end - start];
            for (offset, weight) in exact.iter_mut().enumerate() {
                *weight = bicubic((((start + offset) as f64) - centre + 0.5) / filter_scale);
            }
            normalise(exact, weights);
            filter.windows.push((start, end - start));
        }
        filter
    }

    /// The same filter read from the far end of the axis, where `mirror` is set.
    pub(crate) fn mirrored(mut self, mirror: bool) -> Self {
        if mirror {
            for ((start, length), weights) in self.windows.iter_mut().zip(self.weights.chunks_exact_mut(self.stride)) {
                *start = self.source - *start - *length;
                weights[..*length].reverse();
            }
        }
        self
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
