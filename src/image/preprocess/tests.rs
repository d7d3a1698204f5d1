use std::fmt::Write;

use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::*;
use crate::image::Orientation;

fn fast(target: Size) -> Resizer {
    Resizer::new(target, Window::Stretch, Filter::Bicubic)
}

fn portable(target: Size) -> Resizer {
    Resizer::portable(target, Window::Stretch, Filter::Bicubic)
}

fn resize(resizer: &mut Resizer, pixels: &[u8], picture: Picture) -> Vec<u8> {
    resizer.resize(pixels, picture, &Stop::never()).unwrap().to_vec()
}

/// A picture of this size that was decoded whole.
fn stored(size: Size, orientation: Orientation) -> Picture {
    Picture { size, reduction: 1, orientation }
}

fn upright(size: Size) -> Picture {
    stored(size, Orientation::UPRIGHT)
}

/// Pillow's result for a picture that both sides can make; see `scripts/make_fixtures.py`.
#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    seed: u32,
    source: [u32; 2],
    target: [u32; 2],
    filter: String,
    /// The shorter side before a centre crop; without it the picture is stretched.
    shorter_side: Option<u32>,
    sha256: String,
}

impl Case {
    fn filter(&self) -> Filter {
        match self.filter.as_str() {
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            other => panic!("unknown filter {other}"),
        }
    }
}

/// The noise that `scripts/make_fixtures.py` makes: the hash "lowbias32" of each byte's number.
fn noise(kind: &str, seed: u32, size: Size) -> Vec<u8> {
    let length = u32::try_from(size.pixels() * CHANNELS).unwrap();
    let byte = |index: u32| {
        let mut x = index.wrapping_add(seed.wrapping_mul(0x9e37_79b9));
        x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
        match kind {
            "noise" => x.to_le_bytes()[0],
            "binary" => {
                if x & 1 == 1 {
                    255
                } else {
                    0
                }
            }
            other => panic!("unknown kind {other}"),
        }
    };
    (0..length).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn every_byte_is_pillows() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/fixtures/resize.json")).unwrap();
    assert!(cases.len() >= 90, "only {} cases", cases.len());
    for case in cases {
        let source = Size { width: case.source[0], height: case.source[1] };
        let target = Size { width: case.target[0], height: case.target[1] };
        let pixels = noise(&case.kind, case.seed, source);
        let window = case.shorter_side.map_or(Window::Stretch, |shorter_side| Window::CentreCrop { shorter_side });
        let filter = case.filter();
        for mut resizer in [Resizer::new(target, window, filter), Resizer::portable(target, window, filter)] {
            let resized = resize(&mut resizer, &pixels, upright(source));
            assert_eq!(
                hex(&Sha256::digest(resized)),
                case.sha256,
                "{} with {resizer:?}",
                case.name,
                resizer = resizer.passes
            );
        }
    }
}

/// The upright picture, turned pixel by pixel: what Pillow's `exif_transpose` does.
fn turn(pixels: &[u8], stored: Size, orientation: Orientation) -> Vec<u8> {
    let upright = stored.turned(orientation);
    let mut turned = Vec::with_capacity(pixels.len());
    for y in 0..upright.height {
        for x in 0..upright.width {
            let x = if orientation.mirror_x { upright.width - 1 - x } else { x };
            let y = if orientation.mirror_y { upright.height - 1 - y } else { y };
            let (x, y) = if orientation.transpose { (y, x) } else { (x, y) };
            let from = (y * stored.width + x) as usize * CHANNELS;
            turned.extend_from_slice(&pixels[from..from + CHANNELS]);
        }
    }
    turned
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn vector_and_portable_passes_agree(
        width in 1..400_u32, height in 1..400_u32, to_width in 1..120_u32, to_height in 1..120_u32, seed: u32, binary: bool,
    ) {
        let (source, target) = (Size { width, height }, Size { width: to_width, height: to_height });
        let pixels = noise(if binary { "binary" } else { "noise" }, seed, source);
        let (mut fast, mut portable) = (fast(target), portable(target));
        prop_assert_eq!(resize(&mut fast, &pixels, upright(source)), resize(&mut portable, &pixels, upright(source)));
    }

    #[test]
    fn turning_after_is_turning_before(
        width in 1..300_u32, height in 1..300_u32, to_width in 1..60_u32, to_height in 1..60_u32, seed: u32, exif in 1..=8_u32,
    ) {
        let (size, target) = (Size { width, height }, Size { width: to_width, height: to_height });
        let orientation = Orientation::from_exif(exif);
        let pixels = noise("noise", seed, size);
        let turned = turn(&pixels, size, orientation);
        for window in [Window::Stretch, Window::CentreCrop { shorter_side: 60 }] {
            let resizer = || Resizer::new(target, window, Filter::Bicubic);
            prop_assert_eq!(
                resize(&mut resizer(), &pixels, stored(size, orientation)),
                resize(&mut resizer(), &turned, upright(size.turned(orientation)))
            );
        }
    }

    #[test]
    fn one_colour_stays_one_colour(width in 1..500_u32, height in 1..500_u32, value: u8) {
        let source = Size { width, height };
        let pixels = vec![value; source.pixels() * CHANNELS];
        let resized = resize(&mut fast(Size { width: 31, height: 17 }), &pixels, upright(source));
        prop_assert!(resized.iter().all(|byte| *byte == value));
    }
}

/// Brighter to the right and downwards, so that a shift shows.
fn slope(size: Size) -> Vec<u8> {
    let value = |at: u32, length: u32| u8::try_from(at * 255 / length).unwrap();
    let pixel = |x, y| [value(x, size.width), value(y, size.height), 255 - value(x, size.width)];
    (0..size.height).flat_map(|y| (0..size.width).flat_map(move |x| pixel(x, y))).collect()
}

/// The mean of each square of `reduction` a side; of what there is of it at the far edges.
fn reduce(pixels: &[u8], picture: Picture) -> Vec<u8> {
    let Picture { size, reduction, .. } = picture;
    let small = picture.decoded();
    let mut reduced = Vec::new();
    for (y, x) in (0..small.height).flat_map(|y| (0..small.width).map(move |x| (y, x))) {
        let rows = y * reduction..((y + 1) * reduction).min(size.height);
        let columns = x * reduction..((x + 1) * reduction).min(size.width);
        for channel in 0..CHANNELS {
            let at = |y: u32, x: u32| u32::from(pixels[(y * size.width + x) as usize * CHANNELS + channel]);
            let sum: u32 = rows.clone().flat_map(|y| columns.clone().map(move |x| at(y, x))).sum();
            reduced.push(u8::try_from(sum / (rows.end - rows.start) / (columns.end - columns.start)).unwrap());
        }
    }
    reduced
}

#[test]
fn a_reduced_picture_is_resized_as_the_whole_one() {
    // Sides that leave all, most and hardly anything of the last square.
    for (width, height) in [(160, 200), (167, 199), (161, 193)] {
        for (reduction, exif) in [2, 4, 8].into_iter().flat_map(|reduction| (1..=8).map(move |exif| (reduction, exif)))
        {
            let size = Size { width, height };
            let whole = stored(size, Orientation::from_exif(exif));
            let reduced = Picture { reduction, ..whole };
            let pixels = slope(size);
            let target = Size { width: 16, height: 12 };
            let expected = resize(&mut fast(target), &pixels, whole);
            let found = resize(&mut fast(target), &reduce(&pixels, reduced), reduced);
            let worst = expected.iter().zip(&found).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(2), "{worst:?} levels at {size:?}, {reduction}, {exif}");
        }
    }
}

#[test]
fn a_resize_stops_when_it_is_told_to() {
    let source = Size { width: 40, height: 1000 };
    let pixels = noise("noise", 1, source);
    let stop = Stop::at(std::time::Instant::now());
    for mut resizer in [fast(Size { width: 30, height: 20 }), portable(Size { width: 30, height: 20 })] {
        assert_eq!(resizer.resize(&pixels, upright(source), &stop), Err(Error::DeadlineExceeded));
    }
}

#[test]
fn what_a_large_picture_needed_is_given_back() {
    let source = Size { width: 100, height: 100_000 };
    let mut resizer = fast(Size { width: 30, height: 20 });
    resize(&mut resizer, &noise("noise", 1, source), upright(source));
    resizer.release(1 << 20);
    assert!(resizer.buffers.between.capacity() > 0, "small buffers are kept");
    resizer.release(1 << 10);
    assert_eq!(resizer.buffers.between.capacity(), 0);
}
