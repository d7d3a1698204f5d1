//! Any file as a large JPEG file: what is decoded to coefficients has those of a plain decoder and of libjpeg-turbo, which accepts
//! it without a warning, and is resized to pixels.
#![no_main]

#[path = "dct/mutator.rs"]
mod mutator;

use std::cell::RefCell;

use glimpse::image::plain::{self, Coefficients};
use glimpse::image::{Limits, Preprocess, Preprocessor, coefficients};
use glimpse::stop::Stop;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// Small enough for pictures of 64 pixels a side.
const SIDE: u32 = 8;

unsafe extern "C" {
    /// See `coefficients.c`.
    fn glimpse_coefficients(
        file: *const u8,
        length: usize,
        blocks: *mut i16,
        most: std::ffi::c_long,
        steps: *mut u16,
    ) -> std::ffi::c_long;
}

/// The place in its block, row by row, of each coefficient in the order of the file: along diagonals, there and back
/// (T.81, figure A.6).
fn places() -> [usize; 64] {
    let mut places = std::array::from_fn(|place| place);
    places.sort_by_key(|place| {
        let (row, column) = (place / 8, place % 8);
        (row + column, if (row + column) % 2 == 0 { column } else { row })
    });
    places
}

/// The steps and the blocks as libjpeg-turbo reads them. There are as many as those of `expected`.
fn turbo(file: &[u8], expected: &Coefficients) -> Option<(Vec<[u16; 64]>, Vec<[i16; 64]>)> {
    let mut blocks = vec![[0_i16; 64]; expected.blocks.len()];
    let mut steps = vec![[0_u16; 64]; expected.steps.len()];
    let most = blocks.len().try_into().unwrap();
    // SAFETY: all buffers have the lengths that are stated: no file has more components than the plain decoder has found in it,
    // as both read the same frame header.
    let count = unsafe {
        let (file, length) = (file.as_ptr(), file.len());
        glimpse_coefficients(file, length, blocks.as_mut_ptr().cast(), most, steps.as_mut_ptr().cast())
    };
    let places = places();
    let steps = steps.iter().map(|steps| places.map(|place| steps[place])).collect();
    let blocks = blocks.iter().map(|block| places.map(|place| block[place])).collect();
    (count == most).then_some((steps, blocks))
}

thread_local! {
    static PREPROCESSOR: RefCell<Preprocessor> = RefCell::new(Preprocessor::new(&Preprocess::of_size(SIDE, SIDE)));
}

fuzz_target!(|file: &[u8]| {
    let Some(found) = coefficients(file) else { return };
    assert!(plain::decode(file).as_ref() == Some(&found), "not the plain decoder's coefficients");
    let (steps, blocks) = turbo(file, &found).expect("refused by libjpeg-turbo");
    assert!(steps == found.steps && blocks == found.blocks, "not libjpeg-turbo's coefficients");
    let mut tensor = vec![f32::NAN; (SIDE * SIDE * 3) as usize];
    // Of a picture with four pixels to a sample of Cb and Cr, twice as many are needed.
    let is_coarse = found.sampling.iter().any(|&(across, down)| across.max(down) > 2);
    let scale = if is_coarse { 16 } else { 8 };
    let is_large = found.size.0.min(found.size.1) >= scale * SIDE as usize;
    let is_resized = PREPROCESSOR
        .with_borrow_mut(|preprocessor| preprocessor.shrink(file, &Limits::NONE, &mut tensor, &Stop::never()))
        .unwrap()
        .is_some();
    assert_eq!(is_resized, is_large);
    assert!(!is_resized || tensor.iter().all(|value| (0.0..=255.0).contains(value)));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutator::mutate(data, size, max_size, seed)
});
