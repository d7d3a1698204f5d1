//! The inner loops on AVX2, 16 coefficients at a time.

#![allow(unsafe_code, reason = "the compiler can't know that the processor has AVX2")]

use std::arch::x86_64::{
    __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_abs_epi16, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_madd_epi16, _mm256_mullo_epi16, _mm256_setzero_si256,
};

use super::clip::{self, Change, Samples, Transform};
use super::kernels::{Dequantised, Kernels, Pair, Totals};
use super::projection::Span;
use super::scan::{Chunk, Coding};
use super::segment::Segment;
use super::{Doubt, ZIGZAG_LENGTH};

/// The loops for processors with AVX2. Constructed only where it has been detected.
#[derive(Debug)]
pub(super) struct Avx2;

impl Kernels for Avx2 {
    fn decode(&self, chunk: &mut Chunk, segment: &mut Segment<'_>, codings: &[&Coding]) -> Result<(), Doubt> {
        // SAFETY: the processor has AVX2 and BMI2, or there would be no `Avx2`.
        unsafe { decode(chunk, segment, codings) }
    }

    fn dequantise(&self, chunk: &Chunk, steps: &[&[i16; ZIGZAG_LENGTH]], blocks: &mut [Dequantised]) {
        // SAFETY: as above.
        unsafe { dequantise(chunk, steps, blocks) };
    }

    fn energy(&self, coefficients: &[i16; ZIGZAG_LENGTH], steps: &[i16; ZIGZAG_LENGTH]) -> i32 {
        // SAFETY: as above.
        unsafe { energy(coefficients, steps) }
    }

    fn samples(
        &self,
        transform: &Transform,
        coefficients: &[i16; ZIGZAG_LENGTH],
        steps: &[i16; ZIGZAG_LENGTH],
        dc: i16,
    ) -> Samples {
        // SAFETY: as above.
        unsafe { samples(transform, coefficients, steps, dc) }
    }

    fn changes(&self, transform: &Transform, y: &Samples, cb: &Samples, cr: &Samples) -> [Change; 3] {
        // SAFETY: as above.
        unsafe { changes(transform, y, cb, cr) }
    }

    fn resize_row(&self, pairs: &[Pair], spans: &[Span], weights: &[Pair], outputs: &mut [Totals]) {
        // SAFETY: as above.
        unsafe { resize_row(pairs, spans, weights, outputs) };
    }
}

/// The portable code, compiled for BMI2, which shifts by any number of bits in one instruction.
#[target_feature(enable = "bmi2")]
fn decode(chunk: &mut Chunk, segment: &mut Segment<'_>, codings: &[&Coding]) -> Result<(), Doubt> {
    chunk.decode(segment, codings)
}

#[target_feature(enable = "avx2")]
fn dequantise(chunk: &Chunk, steps: &[&[i16; ZIGZAG_LENGTH]], blocks: &mut [Dequantised]) {
    for (index, (block, step)) in blocks.iter_mut().zip(steps).enumerate() {
        let (values, steps) = (vectors::<4>(chunk.block(index)), vectors::<4>(*step));
        let mut sums = _mm256_setzero_si256();
        for (values, steps) in values.iter().zip(steps) {
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_abs_epi16(*values), steps));
        }
        block.kept = bytemuck::cast(_mm256_mullo_epi16(values[0], steps[0]));
        // The first is no part of the sum.
        block.deviation = total(sums) - i32::from(chunk.block(index)[0].abs()) * i32::from(step[0]);
    }
}

#[target_feature(enable = "avx2")]
fn resize_row(pairs: &[Pair], spans: &[Span], weights: &[Pair], outputs: &mut [Totals]) {
    for (span, totals) in spans.iter().zip(outputs) {
        let (pairs, weights) = (&pairs[span.first..][..span.count], &weights[span.at..][..span.count]);
        let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for (pair, weights) in pairs.iter().zip(weights) {
            let (values, weights) = (vectors::<2>(pair), vectors::<2>(weights));
            low = _mm256_add_epi32(low, _mm256_madd_epi16(values[0], weights[0]));
            high = _mm256_add_epi32(high, _mm256_madd_epi16(values[1], weights[1]));
        }
        *totals = bytemuck::cast([low, high]);
    }
}

/// The portable code, compiled for AVX2.
#[target_feature(enable = "avx2")]
fn energy(coefficients: &[i16; ZIGZAG_LENGTH], steps: &[i16; ZIGZAG_LENGTH]) -> i32 {
    clip::energy(coefficients, steps)
}

#[target_feature(enable = "avx2")]
fn samples(
    transform: &Transform,
    coefficients: &[i16; ZIGZAG_LENGTH],
    steps: &[i16; ZIGZAG_LENGTH],
    dc: i16,
) -> Samples {
    clip::samples(transform, coefficients, steps, dc)
}

#[target_feature(enable = "avx2")]
fn changes(transform: &Transform, y: &Samples, cb: &Samples, cr: &Samples) -> [Change; 3] {
    clip::changes(transform, y, cb, cr)
}

/// The vectors that `values` consist of.
#[inline]
#[target_feature(enable = "avx2")]
fn vectors<const COUNT: usize>(values: &[i16]) -> [__m256i; COUNT] {
    std::array::from_fn(|index| {
        let values: [i16; 16] = *values[index * 16..].first_chunk().expect("the values of COUNT vectors");
        bytemuck::cast(values)
    })
}

/// The sum of the eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn total(numbers: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256::<1>(numbers));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b_11_10_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b_01>(two)))
}
