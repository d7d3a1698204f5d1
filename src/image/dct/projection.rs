//! The weights of a resize, taken over the cosines of each block.
//!
//! A sample is a sum of cosines (T.81, A.3.3), and an output of the resize is a sum of samples. So it is also a sum of
//! coefficients, each weighted by the sum of the resize's weights over the samples of its cosine. The upsampling of Cb and Cr
//! is linear too, and goes before: the weight of a pixel is shared among the samples that it is made of.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "weights are small numbers, which need no more than 24 bits"
)]
#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use std::f64::consts::PI;

use super::{BLOCK, FREQUENCIES};
use crate::error::Error;
use crate::image::preprocess::{PRECISION, Weights};
use crate::memory;

/// How many pixels a sample stands for along an axis, and how they are made of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upsampling {
    /// A pixel is a sample.
    None,
    /// Two pixels a sample, which are nearer to it than to the next: libjpeg's `h2v1_fancy_upsample`.
    Triangle,
    /// Four pixels a sample, all equal to it: libjpeg's `int_upsample`.
    Repeat,
}

/// The blocks that an output reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The first block.
    pub(super) first: usize,
    /// The place of its weights.
    pub(super) at: usize,
    /// How many blocks.
    pub(super) count: usize,
}

impl Span {
    /// Those of its blocks that are at `slot` of the `across` in each MCU, a power of two: the first MCU, the place of the
    /// weights, and how many.
    #[inline(always)]
    pub(super) fn of_slot(self, slot: usize, across: usize) -> (usize, usize, usize) {
        let divided = |blocks: usize| blocks >> across.trailing_zeros();
        let mcu = divided(self.first + across - 1 - slot);
        let end = divided(self.first + self.count + across - 1 - slot);
        (mcu, self.at + mcu * across + slot - self.first, end - mcu)
    }
}

/// The weights of every output along one axis of a component.
#[derive(Debug, Default)]
pub(super) struct Projection {
    pub(super) spans: Vec<Span>,
    /// For each block of a span, the weights of its lowest frequencies.
    pub(super) weights: Vec<[f32; FREQUENCIES]>,
    /// For each block, the first output that reads it, and the one behind the last.
    outputs: Vec<(usize, usize)>,
    samples: Vec<f64>,
}

impl Upsampling {
    /// That for a component with a sample for `pixels` pixels: 1, 2 or 4.
    pub(super) fn of(pixels: usize) -> Self {
        match pixels {
            1 => Self::None,
            2 => Self::Triangle,
            _ => Self::Repeat,
        }
    }

    /// Samples for `pixels` pixels.
    pub(super) fn samples(self, pixels: usize) -> usize {
        match self {
            Self::None => pixels,
            Self::Triangle => pixels.div_ceil(2),
            Self::Repeat => pixels.div_ceil(4),
        }
    }

    /// The samples that a pixel is made of, of `samples` in all, and their shares.
    #[inline(always)]
    pub(super) fn shares(self, pixel: usize, samples: usize) -> [(usize, f64); 2] {
        match self {
            Self::None => [(pixel, 1.0), (pixel, 0.0)],
            Self::Triangle => {
                let nearest = pixel / 2;
                let next =
                    if pixel.is_multiple_of(2) { nearest.saturating_sub(1) } else { (nearest + 1).min(samples - 1) };
                [(nearest, 0.75), (next, 0.25)]
            }
            Self::Repeat => [(pixel / 4, 1.0), (pixel / 4, 0.0)],
        }
    }
}

impl Projection {
    /// Computes the weights along an axis of `pixels` pixels.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn set(&mut self, resize: &Weights, upsampling: Upsampling, pixels: usize) -> Result<(), Error> {
        let cosines = cosines();
        let samples = upsampling.samples(pixels);
        let Self { spans, weights, outputs, samples: shares } = self;
        outputs.clear();
        memory::reserve(outputs, samples.div_ceil(BLOCK))?;
        outputs.resize(samples.div_ceil(BLOCK), (usize::MAX, 0));
        spans.clear();
        weights.clear();
        memory::reserve(spans, resize.len())?;
        for taps in resize.taps() {
            let sample = |pixel| upsampling.shares(pixel, samples).map(|(sample, _)| sample);
            let last = taps.start + taps.weights.len().max(1) - 1;
            let ([a, b], [c, d]) = (sample(taps.start), sample(last));
            let (first, count) = (a.min(b) / BLOCK, c.max(d) / BLOCK + 1 - a.min(b) / BLOCK);
            memory::zeros(shares, count * BLOCK)?;
            for (offset, weight) in taps.weights.iter().enumerate() {
                let weight = f64::from(*weight) / f64::from(1 << PRECISION);
                for (sample, share) in upsampling.shares(taps.start + offset, samples) {
                    shares[sample - first * BLOCK] += weight * share;
                }
            }
            for block in &mut outputs[first..first + count] {
                *block = (block.0.min(spans.len()), spans.len() + 1);
            }
            memory::grow(weights, count)?;
            spans.push(Span { first, at: weights.len(), count });
            weights.extend(shares.chunks_exact(BLOCK).map(|block| {
                cosines.map(|cosine| block.iter().zip(cosine).map(|(share, cosine)| share * cosine).sum::<f64>() as f32)
            }));
        }
        Ok(())
    }

    /// The outputs that read a block, and maybe others.
    pub(super) fn outputs(&self, block: usize) -> std::ops::Range<usize> {
        self.outputs.get(block).map_or(0..0, |(first, end)| *first..*end)
    }

    /// Blocks along the axis.
    pub(super) fn blocks(&self) -> usize {
        self.outputs.len()
    }

    /// The weights of a block in an output, if that reads it.
    #[inline]
    pub(super) fn weight(&self, output: usize, block: usize) -> Option<&[f32; FREQUENCIES]> {
        let span = self.spans[output];
        let place = block.checked_sub(span.first).filter(|place| *place < span.count)?;
        Some(&self.weights[span.at + place])
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        let weights = memory::held(&self.spans) + memory::held(&self.weights);
        weights + memory::held(&self.outputs) + memory::held(&self.samples)
    }
}

/// The inverse DCT along one axis: the part of each frequency in each sample of a block (T.81, A.3.3).
fn cosines() -> [[f64; BLOCK]; FREQUENCIES] {
    std::array::from_fn(|frequency| {
        let scale = if frequency == 0 { 8_f64.sqrt().recip() } else { 0.5 };
        std::array::from_fn(|sample| scale * ((2 * sample + 1) as f64 * frequency as f64 * PI / 16.0).cos())
    })
}

#[cfg(test)]
mod tests;
