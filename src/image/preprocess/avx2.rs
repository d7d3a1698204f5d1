//! The passes on AVX2, 256 bits at a time.
//!
//! A weight has 23 bits and a sign, too many for the 16-bit multiply-and-add that makes resizing fast. It is split into
//! `high * 2^15 + low`. Each half is summed alone, and the two sums are joined once an output value. The arithmetic is
//! modulo 2^32 and the true sum fits, so the bytes are those of `scalar`.

#![allow(
    unsafe_code,
    clippy::cast_possible_wrap,
    clippy::cast_ptr_alignment,
    reason = "vector loads and stores are unsafe, and need no alignment"
)]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_extract_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_packs_epi32, _mm256_packus_epi16, _mm256_set_m128i, _mm256_set1_epi32, _mm256_setr_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi32, _mm256_srai_epi32, _mm256_storeu_si256,
    _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
};

use super::filter::{HALF, PRECISION, Weights};
use super::passes::{Passes, Rows};
use super::scalar::Scalar;
use crate::error::Error;
use crate::image::CHANNELS;
use crate::memory;
use crate::stop::Stop;

const LOW_BITS: u32 = 15;

/// Rows that the horizontal pass reads before it asks again whether to stop.
const BAND_READ: usize = 64 * ROWS;

/// Rows that the vertical pass writes before it asks again whether to stop.
const BAND_WRITTEN: usize = 16;

/// Bytes of a row that the vertical pass takes at once.
const BLOCK: usize = 32;

/// Rows that the horizontal pass takes at once.
const ROWS: usize = 4;

/// Pixels of a row that the horizontal pass takes at once.
const TAPS: usize = 4;

/// Bytes by which a horizontal load may pass the end of its row: up to 3 pixels of weight 0, and the 4 bytes that a
/// 16-byte load takes beyond its 4 pixels.
const SLACK: usize = 16;

/// Two neighbouring weights as a vector holds them: 16 bits each, the first one low.
#[derive(Clone, Copy, Debug)]
struct Pair {
    high: i32,
    low: i32,
}

impl Pair {
    fn new(weights: &[i32]) -> Self {
        let (first, second) = (weights[0], weights.get(1).copied().unwrap_or(0));
        let low = |weight: i32| weight & ((1 << LOW_BITS) - 1);
        let join = |first: i32, second: i32| (first & 0xffff) | (second << 16);
        Self { high: join(first >> LOW_BITS, second >> LOW_BITS), low: join(low(first), low(second)) }
    }
}

/// The two halves of eight running sums.
#[derive(Clone, Copy)]
struct Sums {
    high: __m256i,
    low: __m256i,
}

impl Sums {
    #[target_feature(enable = "avx2")]
    fn zero() -> Self {
        Self { high: _mm256_setzero_si256(), low: _mm256_setzero_si256() }
    }

    /// Adds, for each sum, two 16-bit values times their weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, values: __m256i, high: __m256i, low: __m256i) {
        self.high = _mm256_add_epi32(self.high, _mm256_madd_epi16(values, high));
        self.low = _mm256_add_epi32(self.low, _mm256_madd_epi16(values, low));
    }

    /// The eight sums, rounded and without their fraction.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn round(self) -> __m256i {
        let joined = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW_BITS as i32 }>(self.high), self.low);
        _mm256_srai_epi32::<{ PRECISION as i32 }>(_mm256_add_epi32(joined, _mm256_set1_epi32(HALF)))
    }
}

/// The passes. Constructed only where AVX2 has been detected.
#[derive(Debug, Default)]
pub(super) struct Avx2 {
    plan: Plan,
    /// The last rows, with the bytes behind them that a vector reads.
    tail: Vec<u8>,
    portable: Scalar,
}

impl Passes for Avx2 {
    fn horizontal(&mut self, source: Rows<'_>, weights: &Weights, output: &mut [u8], stop: &Stop) -> Result<(), Error> {
        let Rows { bytes, stride } = source;
        let output_stride = weights.len() * CHANNELS;
        let rows = bytes.len() / stride;
        if rows < ROWS {
            return self.portable.horizontal(source, weights, output, stop);
        }
        let Self { plan, tail, .. } = self;
        plan.set(weights)?;
        for block in (0..rows).step_by(ROWS) {
            if block % BAND_READ == 0 {
                stop.check()?;
            }
            // The last block overlaps the one before it: the same rows again give the same bytes.
            let first = block.min(rows - ROWS);
            let needed = ROWS * stride + SLACK;
            let rows = &bytes[first * stride..];
            let rows = if rows.len() >= needed {
                rows
            } else {
                memory::zeros(tail, needed)?;
                tail[..rows.len()].copy_from_slice(rows);
                &*tail
            };
            let output = &mut output[first * output_stride..][..ROWS * output_stride];
            // SAFETY: this pass is chosen only where AVX2 has been detected.
            unsafe { four_rows(rows, stride, plan, output, output_stride) };
        }
        Ok(())
    }

    fn vertical(&mut self, source: Rows<'_>, weights: &Weights, output: &mut [u8], stop: &Stop) -> Result<(), Error> {
        let Rows { bytes, stride } = source;
        if stride < BLOCK {
            return self.portable.vertical(source, weights, output, stop);
        }
        let pairs = &mut self.plan.pairs;
        for (index, (taps, output)) in weights.taps().zip(output.chunks_exact_mut(stride)).enumerate() {
            if index % BAND_WRITTEN == 0 {
                stop.check()?;
            }
            pairs.clear();
            memory::reserve(pairs, taps.weights.len().div_ceil(2))?;
            pairs.extend(taps.weights.chunks(2).map(Pair::new));
            let rows = &bytes[taps.start * stride..][..taps.weights.len() * stride];
            // SAFETY: this pass is chosen only where AVX2 has been detected.
            unsafe { one_row(rows, stride, pairs, output) };
        }
        Ok(())
    }

    fn held(&self) -> usize {
        let plan = memory::held(&self.plan.spans) + memory::held(&self.plan.pairs);
        plan + memory::held(&self.tail) + self.portable.held()
    }
}

/// Weights in pairs. The taps of each output are filled up to a multiple of `TAPS` with weights of 0.
#[derive(Debug, Default)]
struct Plan {
    /// First pixel and number of pairs, an entry an output pixel.
    spans: Vec<(usize, usize)>,
    pairs: Vec<Pair>,
}

impl Plan {
    fn set(&mut self, weights: &Weights) -> Result<(), Error> {
        let filled = |taps: &[i32]| taps.len().next_multiple_of(TAPS) / 2;
        self.spans.clear();
        self.pairs.clear();
        memory::reserve(&mut self.spans, weights.len())?;
        memory::reserve(&mut self.pairs, weights.taps().map(|taps| filled(taps.weights)).sum())?;
        for taps in weights.taps() {
            let filled = filled(taps.weights);
            let end = self.pairs.len() + filled;
            self.spans.push((taps.start, filled));
            self.pairs.extend(taps.weights.chunks(2).map(Pair::new));
            self.pairs.resize(end, Pair { high: 0, low: 0 });
        }
        Ok(())
    }
}

/// Resizes `ROWS` rows. A lane of 128 bits holds one pixel of a row: red, green, blue and padding, 32 bits each.
#[target_feature(enable = "avx2")]
fn four_rows(source: &[u8], stride: usize, plan: &Plan, output: &mut [u8], output_stride: usize) {
    const NONE: i8 = -1;
    // The bytes of pixels 0 and 1 of a lane, value beside value, widened to 16 bits; then 2 and 3.
    #[rustfmt::skip]
    let first_two = _mm256_setr_epi8(
        0, NONE, 3, NONE, 1, NONE, 4, NONE, 2, NONE, 5, NONE, NONE, NONE, NONE, NONE,
        0, NONE, 3, NONE, 1, NONE, 4, NONE, 2, NONE, 5, NONE, NONE, NONE, NONE, NONE,
    );
    #[rustfmt::skip]
    let last_two = _mm256_setr_epi8(
        6, NONE, 9, NONE, 7, NONE, 10, NONE, 8, NONE, 11, NONE, NONE, NONE, NONE, NONE,
        6, NONE, 9, NONE, 7, NONE, 10, NONE, 8, NONE, 11, NONE, NONE, NONE, NONE, NONE,
    );
    let mut pairs = &plan.pairs[..];
    for (x, &(start, length)) in plan.spans.iter().enumerate() {
        let (taps, rest) = pairs.split_at(length);
        pairs = rest;
        let mut offset = start * CHANNELS;
        let bytes_read = taps.len() * 2 * CHANNELS + 4;
        assert!((ROWS - 1) * stride + offset + bytes_read <= source.len(), "the taps pass the rows' end");
        let (mut upper, mut lower) = (Sums::zero(), Sums::zero());
        for group in taps.chunks_exact(2) {
            let at = |row: usize| {
                let pointer = source[row * stride + offset..].as_ptr().cast::<__m128i>();
                // SAFETY: the assertion above keeps all 16 bytes inside `source`.
                unsafe { _mm_loadu_si128(pointer) }
            };
            let top = _mm256_set_m128i(at(1), at(0));
            let bottom = _mm256_set_m128i(at(3), at(2));
            for (pair, choice) in group.iter().zip([first_two, last_two]) {
                let (high, low) = (_mm256_set1_epi32(pair.high), _mm256_set1_epi32(pair.low));
                upper.add(_mm256_shuffle_epi8(top, choice), high, low);
                lower.add(_mm256_shuffle_epi8(bottom, choice), high, low);
            }
            offset += TAPS * CHANNELS;
        }
        let words = _mm256_packs_epi32(upper.round(), lower.round());
        let bytes = _mm256_packus_epi16(words, words);
        let pixels = [
            _mm256_extract_epi32::<0>(bytes),
            _mm256_extract_epi32::<4>(bytes),
            _mm256_extract_epi32::<1>(bytes),
            _mm256_extract_epi32::<5>(bytes),
        ];
        for (row, pixel) in pixels.into_iter().enumerate() {
            let at = row * output_stride + x * CHANNELS;
            output[at..at + CHANNELS].copy_from_slice(&pixel.to_le_bytes()[..CHANNELS]);
        }
    }
}

/// Sums `rows` into one row of output.
#[target_feature(enable = "avx2")]
fn one_row(rows: &[u8], row_bytes: usize, pairs: &[Pair], output: &mut [u8]) {
    let zero = _mm256_setzero_si256();
    let last_row = rows.len() - row_bytes;
    for block in (0..row_bytes).step_by(BLOCK) {
        // The last block overlaps the one before it: the same columns again give the same bytes.
        let column = block.min(row_bytes - BLOCK);
        let mut sums = [Sums::zero(); 4];
        for (index, pair) in pairs.iter().enumerate() {
            let load = |row: usize| {
                let bytes: &[u8] = &rows[row + column..row + column + BLOCK];
                // SAFETY: `bytes` is as long as the vector.
                unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
            };
            let first = load(index * 2 * row_bytes);
            // Where the number of taps is odd, the second weight of the last pair is 0.
            let second = load(((index * 2 + 1) * row_bytes).min(last_row));
            let (front, back) = (_mm256_unpacklo_epi8(first, second), _mm256_unpackhi_epi8(first, second));
            let (high, low) = (_mm256_set1_epi32(pair.high), _mm256_set1_epi32(pair.low));
            sums[0].add(_mm256_unpacklo_epi8(front, zero), high, low);
            sums[1].add(_mm256_unpackhi_epi8(front, zero), high, low);
            sums[2].add(_mm256_unpacklo_epi8(back, zero), high, low);
            sums[3].add(_mm256_unpackhi_epi8(back, zero), high, low);
        }
        // Packing undoes the unpacking: the bytes are in their columns' order again.
        let bytes = _mm256_packus_epi16(
            _mm256_packs_epi32(sums[0].round(), sums[1].round()),
            _mm256_packs_epi32(sums[2].round(), sums[3].round()),
        );
        let output: &mut [u8] = &mut output[column..column + BLOCK];
        // SAFETY: `output` is as long as the vector.
        unsafe { _mm256_storeu_si256(output.as_mut_ptr().cast(), bytes) };
    }
}
