//! Blocks that leave the range of a byte: a full decode limits their pixels before they are averaged.

use super::pictures::{differences, resized, shrunk};
use super::{Encoding, encode, in_file, put_together};
use crate::image::dct::clip::{self, Transform};
use crate::image::{Size, Window};

const SIDE: u16 = 8;

/// A gray picture of 8 x 8 blocks, which become a pixel each. Blocks have this DC coefficient, and that at (3, 3) has others too.
/// Steps of the quantisation are 1.
fn gray(dc: i16, coefficients: &[(usize, i16)]) -> Vec<u8> {
    let mut blocks = [[0; 64]; 64];
    blocks[0][0] = dc;
    for (place, value) in coefficients {
        blocks[27][*place] = *value;
    }
    // The first is a difference, which the next block takes back.
    let change = blocks[27][0];
    blocks[28][0] -= change;
    in_file(&Encoding::standard(), (SIDE, SIDE), &encode(&Encoding::standard(), &blocks))
}

/// Our pixels and those of a full decode, at one pixel a block.
fn both(file: &[u8]) -> [Vec<u8>; 2] {
    let target = Size { width: SIDE.into(), height: SIDE.into() };
    let ours = shrunk(file, target, Window::Stretch).expect("a usual file");
    [ours, resized(file, Size { width: 64, height: 64 }, target, Window::Stretch)]
}

#[test]
fn a_block_out_of_range_counts_as_its_pixels_do() {
    // In the last ones, half the pixels are far above and half far below the middle of 200 or 40.
    for (dc, coefficients) in [
        (0, vec![(0, 2000)]),
        (0, vec![(0, -2000)]),
        (576, vec![(1, 1000)]),
        (-704, vec![(1, 1000), (2, 300)]),
        (576, vec![(9, 600), (20, 700), (35, -600)]),
        (-704, vec![(63, 1000), (40, 1000), (30, 1000)]),
        (900, vec![(4, 900), (12, -900)]),
    ] {
        let file = gray(dc, &coefficients);
        let [ours, full] = both(&file);
        let (mean, most) = differences(&ours, &full);
        assert!(mean <= 0.3 && most <= 3, "{dc} {coefficients:?}: {mean} on average, {most} at most");
    }
}

/// The mean of the block is 200, and so it would be without limits.
#[test]
fn limits_change_an_average() {
    let at = |file: &[u8]| both(file).map(|pixels| pixels[(3 * 8 + 3) * 3]);
    let [ours, full] = at(&gray(576, &[]));
    assert_eq!((ours, full), (200, 200));
    let [ours, full] = at(&gray(576, &[(1, 1000)]));
    assert!(full < 190 && ours.abs_diff(full) <= 3, "{ours}, {full}");
}

#[test]
fn colours_that_leave_the_range_count_as_limited() {
    let target = Size { width: 8, height: 8 };
    // Saturated and bright: no flat block leaves the range of Y, Cb or Cr, but the colours do.
    for colours in [[100, 100, -50], [-90, 110, 110], [110, -100, -100], [90, 120, -120]] {
        let mut blocks = vec![[0; 64]; 64 * 3];
        for (block, colour) in blocks.iter_mut().zip(colours) {
            block[0] = colour * 8;
        }
        // Edges within each block of Y.
        for block in blocks.iter_mut().step_by(3) {
            (block[1], block[2]) = (180, -240);
        }
        let encodings = Encoding::standard();
        let segments = [
            (0xdb, [&[0][..], &[1; 64]].concat()),
            (0xc0, vec![8, 0, 64, 0, 64, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]),
            encodings[0].segment(0),
            encodings[1].segment(1),
            (0xda, vec![3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
        ];
        let file = put_together(&segments, &encode(&encodings, &blocks));
        let ours = shrunk(&file, target, Window::Stretch).expect("a usual file");
        let full = resized(&file, Size { width: 64, height: 64 }, target, Window::Stretch);
        let (mean, most) = differences(&ours, &full);
        assert!(mean <= 0.5 && most <= 3, "{colours:?}: {mean} on average, {most} at most");
    }
}

#[test]
fn what_limits_change_is_taken_into_coefficients() {
    let transform = Transform::default();
    let gray = [[0.0; 8]; 8];
    let [flat, along_row, along_column] = clip::changes(&transform, &[[127.0; 8]; 8], &gray, &gray);
    assert_eq!([flat, along_row, along_column], [[0.0; 4]; 3]);
    // Each sample is 73 above the limit.
    let [flat, along_row, along_column] = clip::changes(&transform, &[[200.0; 8]; 8], &gray, &gray);
    for channel in 0..3 {
        assert!((flat[channel] + 8.0 * 73.0).abs() < 1e-3, "{flat:?}");
        assert!(along_row[channel].abs() < 1e-3 && along_column[channel].abs() < 1e-3);
    }
    // The left half is 72 below the limit: the change rises from left to right by as much as it would fall.
    let half = [[-200.0, -200.0, -200.0, -200.0, 0.0, 0.0, 0.0, 0.0]; 8];
    let [flat, along_row, along_column] = clip::changes(&transform, &half, &gray, &gray);
    assert!((flat[0] - 4.0 * 72.0).abs() < 1e-3 && along_row[0] > 200.0 && along_column[0].abs() < 1e-3);
    // Cb of 100 makes 177 of blue, and -34 of green.
    let [flat, ..] = clip::changes(&transform, &gray, &[[100.0; 8]; 8], &gray);
    assert!(flat[0].abs() < 1e-3 && flat[1].abs() < 1e-3 && (flat[2] + 8.0 * 50.2).abs() < 1e-2, "{flat:?}");
}
