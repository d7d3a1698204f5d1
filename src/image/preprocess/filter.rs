//! The filters of a resize, and the weights of one pass.
//!
//! The arithmetic is that of Pillow 13's `Resample.c` (`precompute_coeffs`, `normalize_coeffs_8bpc`).

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "positions are sides of pictures, far below 2^31, and truncation is part of the arithmetic"
)]

use crate::error::Error;
use crate::memory;

/// Fraction bits of a weight: 32, less 8 of a pixel and 2 for the sum's overshoot.
pub(crate) const PRECISION: u32 = 22;

/// Half of the last place that is kept. A sum that starts here is rounded by shifting it right.
pub(super) const HALF: i32 = 1 << (PRECISION - 1);

/// The kernel that weighs the pixels around a position: Pillow's `Resampling`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// No kernel: the one pixel in whose area the position lies.
    Nearest,
    /// All pixels of the area alike.
    Box,
    /// A triangle: linear interpolation.
    Bilinear,
    /// A sinc windowed by Hamming's cosine, as narrow as `Bilinear`.
    Hamming,
    /// Keys' cubic convolution with a = -0.5.
    #[default]
    Bicubic,
    /// A sinc windowed by a sinc of three lobes.
    Lanczos,
}

impl Filter {
    /// Half the width of the kernel, in pixels.
    fn support(self) -> f64 {
        match self {
            Self::Nearest => 0.0,
            Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The weight at a distance of `x` pixels.
    fn kernel(self, x: f64) -> f64 {
        match self {
            Self::Nearest => 1.0,
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Hamming => hamming(x.abs()),
            Self::Bicubic => bicubic(x.abs()),
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

/// R. Keys, 1981, equation 15; `x` is not negative.
pub(super) fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// `x` is not negative. Pillow's constants are 32-bit floats.
fn hamming(x: f64) -> f64 {
    if x < 1.0 { sinc(x) * (f64::from(0.54_f32) + f64::from(0.46_f32) * (x * std::f64::consts::PI).cos()) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// What one output value reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps<'a> {
    /// The first source position.
    pub(crate) start: usize,
    /// The weights from there on, scaled by `1 << PRECISION`. Their sum is about that.
    pub(crate) weights: &'a [i32],
}

/// One axis of a picture as it is decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Positions of the whole picture.
    pub(super) length: u32,
    /// The position with which the part begins that is resized.
    pub(super) begin: u32,
    /// The positions of that part.
    pub(super) part: u32,
    /// Positions of the whole picture for which a decoded one stands.
    pub(super) reduction: u32,
    /// Whether the axis is read from its far end.
    pub(super) mirror: bool,
}

/// The positions of a resized axis that are computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outputs {
    /// Positions of the whole axis after the resize.
    pub(super) whole: u32,
    /// The first position that is computed.
    pub(super) first: u32,
    /// How many are computed.
    pub(super) count: u32,
}

/// The taps of every output position along one axis. The memory is kept from axis to axis.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// First source position and number of weights, an entry an output position.
    spans: Vec<(usize, usize)>,
    fixed: Vec<i32>,
    exact: Vec<f64>,
    stride: usize,
}

impl Weights {
    /// Computes the weights for a resize of `source`. Where it makes the axis shorter, the filter is widened, so that no
    /// pixel is skipped.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(&mut self, filter: Filter, source: Axis, outputs: Outputs) -> Result<(), Error> {
        let decoded = |length| f64::from(length) / f64::from(source.reduction);
        let positions = source.length.div_ceil(source.reduction);
        // From the far end, the part of the last position that lies outside the picture comes first.
        let outside = if source.mirror { f64::from(positions) - decoded(source.length) } else { 0.0 };
        let begin = outside + decoded(source.begin);
        let scale = decoded(source.part) / f64::from(outputs.whole);
        if filter == Filter::Nearest {
            self.set_nearest(begin, scale, positions, outputs)?;
        } else {
            self.set_weighted(filter, begin, scale, positions, outputs)?;
        }
        if source.mirror {
            self.mirror(positions as usize);
        }
        Ok(())
    }

    fn set_weighted(
        &mut self,
        filter: Filter,
        begin: f64,
        scale: f64,
        positions: u32,
        outputs: Outputs,
    ) -> Result<(), Error> {
        let filter_scale = scale.max(1.0);
        let support = filter.support() * filter_scale;
        self.stride = support.ceil() as usize * 2 + 1;
        self.spans.clear();
        memory::reserve(&mut self.spans, outputs.count as usize)?;
        memory::zeros(&mut self.fixed, self.stride * outputs.count as usize)?;
        memory::resize(&mut self.exact, self.stride)?;
        let computed = outputs.first..outputs.first + outputs.count;
        for (position, weights) in computed.zip(self.fixed.chunks_exact_mut(self.stride)) {
            let centre = (f64::from(position) + 0.5) * scale + begin;
            let start = ((centre - support + 0.5) as i64).max(0) as usize;
            let end = ((centre + support + 0.5) as i64).min(i64::from(positions)) as usize;
            let exact = &mut self.exact[..end - start];
            for (offset, weight) in exact.iter_mut().enumerate() {
                *weight = filter.kernel((((start + offset) as f64) - centre + 0.5) / filter_scale);
            }
            normalise(exact, weights);
            self.spans.push((start, end - start));
        }
        Ok(())
    }

    /// One weight for each output. The position is a running sum, as in Pillow's `ImagingScaleAffine`, whose rounding decides
    /// at the borders of pixels.
    fn set_nearest(&mut self, begin: f64, scale: f64, positions: u32, outputs: Outputs) -> Result<(), Error> {
        self.stride = 1;
        self.spans.clear();
        memory::reserve(&mut self.spans, outputs.count as usize)?;
        memory::zeros(&mut self.fixed, outputs.count as usize)?;
        self.fixed.fill(1 << PRECISION);
        let mut centre = begin + scale * 0.5;
        for position in 0..outputs.first + outputs.count {
            if position >= outputs.first {
                self.spans.push(((centre as usize).min(positions as usize - 1), 1));
            }
            centre += scale;
        }
        Ok(())
    }

    fn mirror(&mut self, positions: usize) {
        for ((start, length), weights) in self.spans.iter_mut().zip(self.fixed.chunks_exact_mut(self.stride)) {
            *start = positions - *start - *length;
            weights[..*length].reverse();
        }
    }

    /// Output positions.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The taps in the order of the output.
    pub(crate) fn taps(&self) -> impl Iterator<Item = Taps<'_>> {
        self.spans
            .iter()
            .zip(self.fixed.chunks_exact(self.stride))
            .map(|(&(start, length), weights)| Taps { start, weights: &weights[..length] })
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        memory::held(&self.spans) + memory::held(&self.fixed) + memory::held(&self.exact)
    }
}

/// Scales the weights to the sum 1 and rounds them, half away from zero, to fixed point.
fn normalise(exact: &[f64], weights: &mut [i32]) {
    let sum: f64 = exact.iter().sum();
    for (weight, exact) in weights.iter_mut().zip(exact) {
        let normalised = if sum == 0.0 { *exact } else { exact * (1.0 / sum) };
        let scaled = normalised * f64::from(1 << PRECISION);
        *weight = if scaled < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 };
    }
}
