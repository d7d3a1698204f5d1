//! The inner loops on AVX2, 16 coefficients at a time.

#![allow(unsafe_code, reason = "the compiler can't know that the processor has AVX2")]

use std::arch::x86_64::{
    __m256, __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_abs_epi16, _mm256_add_epi32,
    _mm256_add_ps, _mm256_castsi256_si128, _mm256_cvtepi16_epi32, _mm256_cvtepi32_ps, _mm256_extracti128_si256,
    _mm256_madd_epi16, _mm256_mul_ps, _mm256_mullo_epi16, _mm256_permute2x128_si256, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_sub_ps, _mm256_unpackhi_epi16, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi16, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};
use std::ops::Range;

use super::clip::{self, Change, Samples, Transform};
use super::grid::{Grid, left_over};
use super::kernels::{Dequantised, Kernels, Lines, Pair, beside};
use super::lanes::{LANES, Lanes};
use super::mcus::Mcus;
use super::planes::Planes;
use super::scan::{Chunk, Order};
use super::segment::Segment;
use super::{BLOCK, Doubt, FREQUENCIES, KEPT, ZIGZAG_LENGTH};
use crate::error::Error;

/// The loops for processors with AVX2. Constructed only where it has been detected.
#[derive(Debug)]
pub(super) struct Avx2;

impl Kernels for Avx2 {
    fn decode(&self, chunk: &mut Chunk, segment: &mut Segment<'_>, order: &Order<'_>) -> Result<(), Doubt> {
        // SAFETY: the processor has AVX2 and BMI2, or there would be no `Avx2`.
        unsafe { decode(chunk, segment, order) }
    }

    fn put(&self, mcus: &mut Mcus<'_>, numbers: Range<usize>, planes: &mut Planes) -> Result<(), Doubt> {
        // SAFETY: as above.
        unsafe { put(mcus, numbers, planes) }
    }

    fn pair(&self, rows: [&[[i16; KEPT]]; 2], step: usize, pairs: &mut [Pair]) {
        // SAFETY: as above.
        unsafe { pair(rows, step, pairs) };
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

    fn add(&self, planes: &mut Planes, grids: &[Grid; 2], row: usize) {
        // SAFETY: as above.
        unsafe { add(self, planes, grids, row) };
    }

    fn write(&self, planes: &Planes, pixels: &mut Vec<u8>) -> Result<(), Error> {
        // SAFETY: as above.
        unsafe { write(planes, pixels) }
    }

    fn resize_row(&self, pairs: &[Pair], grid: &Grid, outputs: &mut [Vec<Lanes>; FREQUENCIES]) {
        // SAFETY: as above.
        unsafe { resize_row(pairs, grid, outputs) };
    }

    fn resize_columns(
        &self,
        lines: &Lines<'_>,
        grid: &Grid,
        output: usize,
        columns: (usize, usize),
        blocks: &mut [Vec<Lanes>; FREQUENCIES],
    ) {
        // SAFETY: as above.
        unsafe { resize_columns(lines, grid, output, columns, blocks) };
    }
}

/// The portable code, compiled for BMI2, which shifts by any number of bits in one instruction.
#[target_feature(enable = "bmi2")]
fn decode(chunk: &mut Chunk, segment: &mut Segment<'_>, order: &Order<'_>) -> Result<(), Doubt> {
    chunk.decode(segment, order)
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
fn pair([first, second]: [&[[i16; KEPT]]; 2], step: usize, pairs: &mut [Pair]) {
    for (index, pair) in pairs.iter_mut().enumerate() {
        let (first, second) = beside(first, second, index * step);
        let ([first], [second]) = (vectors::<1>(first), vectors::<1>(second));
        // Within each half of a vector.
        let (low, high) = (_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second));
        let halves = [_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high)];
        *pair = bytemuck::cast(halves);
    }
}

#[target_feature(enable = "avx2")]
fn resize_row(pairs: &[Pair], grid: &Grid, outputs: &mut [Vec<Lanes>; FREQUENCIES]) {
    for (at, spans) in grid.spans.chunks(LANES).enumerate() {
        let mut totals = [[_mm256_setzero_si256(); 2]; LANES];
        for (totals, span) in totals.iter_mut().zip(spans) {
            *totals = sums(pairs[span.first..][..span.count].iter(), &grid.weights[span.at..][..span.count]);
        }
        for (row, sums) in outputs.iter_mut().zip(by_frequency::<false>(&totals, grid.scale)) {
            row[at] = sums;
        }
    }
}

#[target_feature(enable = "avx2")]
fn resize_columns(
    lines: &Lines<'_>,
    grid: &Grid,
    output: usize,
    (column, step): (usize, usize),
    blocks: &mut [Vec<Lanes>; FREQUENCIES],
) {
    let span = grid.spans[output];
    let weights = &grid.weights[span.at..][..span.count];
    let rows: Vec<&[Pair]> = (span.first..span.first + span.count).map(|line| lines.line(line)).collect();
    for (at, first) in (column..lines.across).step_by(step * LANES).enumerate() {
        let mut totals = [[_mm256_setzero_si256(); 2]; LANES];
        for (totals, block) in totals.iter_mut().zip((first..lines.across).step_by(step)) {
            *totals = sums(rows.iter().map(|row| &row[block]), weights);
        }
        for (row, sums) in blocks.iter_mut().zip(by_frequency::<true>(&totals, grid.scale)) {
            row[at] = sums;
        }
    }
}

/// The weighted sums of the coefficients of `pairs`.
#[inline]
#[target_feature(enable = "avx2")]
fn sums<'p>(pairs: impl Iterator<Item = &'p Pair>, weights: &[Pair]) -> [__m256i; 2] {
    let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (pair, weights) in pairs.zip(weights) {
        let (values, weights) = (vectors::<2>(pair), vectors::<2>(weights));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(values[0], weights[0]));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(values[1], weights[1]));
    }
    [low, high]
}

/// The totals of neighbouring outputs, summed up by the frequencies that are [`left_over`]. The last coefficient is not used.
#[inline]
#[target_feature(enable = "avx2")]
fn by_frequency<const COLUMNS_FIRST: bool>(totals: &[[__m256i; 2]; LANES], scale: f32) -> [Lanes; FREQUENCIES] {
    let halves = [0, 1].map(|half| transposed(totals.map(|total| total[half])));
    let frequencies = const { left_over(COLUMNS_FIRST) };
    let mut sums = [_mm256_setzero_si256(); FREQUENCIES];
    for (total, frequency) in halves.as_flattened().iter().zip(frequencies).take(KEPT - 1) {
        sums[frequency] = _mm256_add_epi32(sums[frequency], *total);
    }
    sums.map(|sum| bytemuck::cast(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(scale))))
}

/// Rows become columns.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(rows: [__m256i; LANES]) -> [__m256i; LANES] {
    let pair = |left, right| (_mm256_unpacklo_epi32(left, right), _mm256_unpackhi_epi32(left, right));
    let [(ab0, ab2), (cd0, cd2), (ef0, ef2), (gh0, gh2)] = [0, 2, 4, 6].map(|row| pair(rows[row], rows[row + 1]));
    let four = |left, right| (_mm256_unpacklo_epi64(left, right), _mm256_unpackhi_epi64(left, right));
    let ((ad0, ad1), (ad2, ad3)) = (four(ab0, cd0), four(ab2, cd2));
    let ((eh0, eh1), (eh2, eh3)) = (four(ef0, gh0), four(ef2, gh2));
    let low = |left, right| _mm256_permute2x128_si256::<0x20>(left, right);
    let high = |left, right| _mm256_permute2x128_si256::<0x31>(left, right);
    [
        low(ad0, eh0),
        low(ad1, eh1),
        low(ad2, eh2),
        low(ad3, eh3),
        high(ad0, eh0),
        high(ad1, eh1),
        high(ad2, eh2),
        high(ad3, eh3),
    ]
}

/// The portable code, compiled for AVX2.
#[target_feature(enable = "avx2")]
fn add(kernels: &Avx2, planes: &mut Planes, grids: &[Grid; 2], row: usize) {
    planes.add(grids, kernels, row);
}

#[target_feature(enable = "avx2")]
fn put(mcus: &mut Mcus<'_>, numbers: Range<usize>, planes: &mut Planes) -> Result<(), Doubt> {
    mcus.put(numbers, planes)
}

#[target_feature(enable = "avx2")]
fn write(planes: &Planes, pixels: &mut Vec<u8>) -> Result<(), Error> {
    planes.write(pixels)
}

#[target_feature(enable = "avx2")]
fn energy(coefficients: &[i16; ZIGZAG_LENGTH], steps: &[i16; ZIGZAG_LENGTH]) -> i32 {
    clip::energy(coefficients, steps)
}

/// As [`clip::samples`], to the last bit. The compiler would convert the coefficients one by one.
#[target_feature(enable = "avx2")]
fn samples(
    transform: &Transform,
    coefficients: &[i16; ZIGZAG_LENGTH],
    steps: &[i16; ZIGZAG_LENGTH],
    dc: i16,
) -> Samples {
    let values = clip::in_place(coefficients, steps, dc);
    let mut rows = [_mm256_setzero_ps(); BLOCK];
    for (row, values) in rows.iter_mut().zip(values.as_chunks::<BLOCK>().0) {
        *row = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(bytemuck::cast(*values)));
    }
    let mut between = [Lanes::default(); BLOCK];
    for sample in 0..BLOCK / 2 {
        let part =
            |frequency: usize| _mm256_mul_ps(rows[frequency], _mm256_set1_ps(transform.cosines[frequency][sample]));
        let (even, odd) = even_and_odd(std::array::from_fn(part));
        between[sample] = bytemuck::cast(_mm256_add_ps(even, odd));
        between[BLOCK - 1 - sample] = bytemuck::cast(_mm256_sub_ps(even, odd));
    }
    let mut samples = Samples::default();
    for (row, between) in samples.iter_mut().zip(&between) {
        let part = |frequency: usize| {
            _mm256_mul_ps(_mm256_set1_ps(between[frequency]), bytemuck::cast(transform.mirrored[frequency]))
        };
        let (even, odd) = even_and_odd(std::array::from_fn(part));
        *row = bytemuck::cast(_mm256_add_ps(even, odd));
    }
    samples
}

/// The sum of the even parts, and that of the odd ones.
#[inline]
#[target_feature(enable = "avx2")]
fn even_and_odd(parts: [__m256; BLOCK]) -> (__m256, __m256) {
    let sum = |left, right| _mm256_add_ps(left, right);
    let [even, odd] =
        [0, 1].map(|first| sum(sum(parts[first], parts[first + 2]), sum(parts[first + 4], parts[first + 6])));
    (even, odd)
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
