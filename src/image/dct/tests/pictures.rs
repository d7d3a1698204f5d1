//! Whole pictures against a full decode that is resized.

use std::path::Path;

use image::imageops::{FilterType, resize};

use super::super::{Goal, Shrinker};
use super::{Kind, Subsampling, decode};
use crate::image::{Filter, Limits, Orientation, Picture, Resizer, Size, Window};
use crate::stop::Stop;

const TARGET: Size = Size { width: 64, height: 64 };

/// The pixels that the room makes of a file.
pub(super) fn shrunk(file: &[u8], target: Size, window: Window) -> Option<Vec<u8>> {
    let mut shrinker = Shrinker::new(Goal { target, window, filter: Filter::Bicubic });
    shrinker.shrink(file, &Limits::NONE, &Stop::never()).unwrap().map(|(pixels, _)| pixels.to_vec())
}

/// The pixels of a full decode, resized.
pub(super) fn resized(file: &[u8], size: Size, target: Size, window: Window) -> Vec<u8> {
    let picture = Picture { size, reduction: 1, orientation: Orientation::read(file) };
    let mut resizer = Resizer::new(target, window, Filter::Bicubic);
    resizer.resize(&decode(file), picture, &Stop::never()).unwrap().to_vec()
}

/// The mean and the largest difference.
pub(super) fn differences(ours: &[u8], theirs: &[u8]) -> (f64, u8) {
    assert_eq!(ours.len(), theirs.len());
    let differences = || ours.iter().zip(theirs).map(|(one, other)| one.abs_diff(*other));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let mean = differences().map(f64::from).sum::<f64>() / ours.len() as f64;
    (mean, differences().max().unwrap_or(0))
}

/// A photograph, enlarged to this size, with a camera's noise.
fn photograph(name: &str, width: u32, height: u32) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name);
    let picture = resize(&::image::open(path).unwrap().into_rgb8(), width, height, FilterType::CatmullRom);
    let mut random = fastrand::Rng::with_seed(7);
    let noisy = |value: u8| value.saturating_add(random.u8(..7)).saturating_sub(3);
    picture.into_raw().into_iter().map(noisy).collect()
}

/// Checks the file of `pixels` against a full decode.
fn check(file: &[u8], size: Size, target: Size, window: Window, what: &str) {
    let ours = shrunk(file, target, window).unwrap_or_else(|| panic!("{what}: refused"));
    let (mean, most) = differences(&ours, &resized(file, size, target, window));
    assert!(mean <= 0.16 && most <= 3, "{what}: {mean:.3} on average, {most} at most");
}

/// Sizes that end within a block, with a block, and with an MCU of each sampling.
const SIZES: [(u32, u32); 3] = [(643, 521), (648, 520), (512, 544)];

/// With a quarter of the samples of Cb and Cr, more pixels are wanted for an output.
const HALF_TARGET: Size = Size { width: 32, height: 32 };

#[test]
fn every_sampling_and_size() {
    for (name, (width, height)) in ["coffee.png", "chelsea.png", "coffee.png"].into_iter().zip(SIZES) {
        let pixels = photograph(name, width, height);
        for subsampling in Subsampling::ALL {
            let file = Kind::new(subsampling).encode(&pixels, width as usize);
            let size = Size { width, height };
            let target = if subsampling == Subsampling::FourAcross { HALF_TARGET } else { TARGET };
            check(&file, size, target, Window::Stretch, &format!("{name}, {subsampling:?}"));
        }
    }
}

#[test]
fn restarts_codes_and_qualities() {
    let size = Size { width: 600, height: 530 };
    let pixels = photograph("coffee.png", size.width, size.height);
    for (restarts, is_optimised, quality) in
        [(1, false, 90), (7, true, 75), (38, false, 97), (0, true, 97), (500, true, 60)]
    {
        for subsampling in [Subsampling::Both, Subsampling::None] {
            let kind = Kind { subsampling, quality, restarts, is_optimised };
            check(&kind.encode(&pixels, 600), size, TARGET, Window::Stretch, &format!("{kind:?}"));
        }
    }
}

/// A file with this Exif orientation.
fn turned(file: &[u8], orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    let content = [&b"Exif\0\0II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat();
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&file[..2], &[0xff, 0xe1], &length, &content, &file[2..]].concat()
}

#[test]
fn every_orientation_and_window() {
    let size = Size { width: 651, height: 439 };
    let pixels = photograph("chelsea.png", size.width, size.height);
    let windows = [Window::Stretch, Window::CentreCrop { shorter_side: 54 }, Window::CropToAspect];
    for (subsampling, target) in
        [(Subsampling::Both, Size { width: 48, height: 48 }), (Subsampling::TwoAcross, Size { width: 40, height: 52 })]
    {
        let file = Kind::new(subsampling).encode(&pixels, size.width as usize);
        for orientation in 1..=8 {
            for window in windows {
                let file = turned(&file, orientation);
                check(&file, size, target, window, &format!("{subsampling:?}, {orientation}, {window:?}"));
            }
        }
    }
}

/// Hard edges that lie slantwise: the first pass overshoots beside them, Pillow limits that, and the second pass averages it.
#[test]
fn overshoots_are_limited_between_the_passes_of_every_orientation() {
    let size = Size { width: 650, height: 530 };
    let is_bright = |x: u32, y: u32| ((3 * x + 4 * y) / 90).is_multiple_of(2);
    let pixel = |x, y| if is_bright(x, y) { [255, 250, 20] } else { [0, 10, 0] };
    let pixels: Vec<u8> = (0..size.height).flat_map(|y| (0..size.width).flat_map(move |x| pixel(x, y))).collect();
    for subsampling in [Subsampling::None, Subsampling::TwoAcross, Subsampling::TwoDown, Subsampling::Gray] {
        let file = Kind { quality: 97, ..Kind::new(subsampling) }.encode(&pixels, size.width as usize);
        for orientation in 1..=8 {
            let (file, target) = (turned(&file, orientation), Size { width: 40, height: 40 });
            let ours = shrunk(&file, target, Window::Stretch).unwrap();
            let (mean, most) = differences(&ours, &resized(&file, size, target, Window::Stretch));
            assert!(mean <= 0.4 && most <= 2, "{subsampling:?}, {orientation}: {mean:.3} on average, {most} at most");
        }
    }
}

#[test]
fn a_picture_that_is_not_large_is_refused() {
    let pixels = photograph("coffee.png", 160, 120);
    let file = Kind::new(Subsampling::Both).encode(&pixels, 160);
    let square = |side| shrunk(&file, Size { width: side, height: side }, Window::Stretch);
    assert!(square(15).is_some() && square(16).is_none());
    assert!(shrunk(&file, Size { width: 20, height: 1 }, Window::Stretch).is_some());
    assert!(shrunk(&file, Size { width: 21, height: 1 }, Window::Stretch).is_none());
    // The other half of the picture is not seen.
    assert!(shrunk(&file, Size { width: 15, height: 15 }, Window::CentreCrop { shorter_side: 16 }).is_none());
}

#[test]
fn limits_and_deadlines_hold() {
    let file = Kind::new(Subsampling::Both).encode(&photograph("coffee.png", 320, 240), 320);
    let goal = Goal { target: Size { width: 8, height: 8 }, window: Window::Stretch, filter: Filter::Bicubic };
    let mut shrinker = Shrinker::new(goal);
    let mut shrunk = |limits: Limits, stop: &Stop| shrinker.shrink(&file, &limits, stop).map(|pixels| pixels.is_some());
    assert_eq!(shrunk(Limits::NONE, &Stop::never()), Ok(true));
    assert_eq!(shrunk(Limits { max_pixels: 320 * 240 - 1, ..Limits::NONE }, &Stop::never()), Ok(false));
    assert_eq!(shrunk(Limits { max_bytes: 1 << 20, ..Limits::NONE }, &Stop::never()), Ok(false));
    assert!(shrunk(Limits::NONE, &Stop::at(std::time::Instant::now())).is_err());
    assert_eq!(shrunk(Limits::NONE, &Stop::never()), Ok(true));
}

/// The memory is kept, and what it holds must not show in the next picture.
#[test]
fn pictures_in_turn_are_as_pictures_alone() {
    let large = Kind::new(Subsampling::Both).encode(&photograph("coffee.png", 640, 480), 640);
    let small = Kind::new(Subsampling::Gray).encode(&photograph("chelsea.png", 170, 130), 170);
    let wide = Kind::new(Subsampling::None).encode(&photograph("chelsea.png", 700, 140), 700);
    let target = Size { width: 16, height: 16 };
    let mut shrinker = Shrinker::new(Goal { target, window: Window::Stretch, filter: Filter::Bicubic });
    let damaged = &large[..large.len() / 2];
    let stored_turned = [turned(&large, 6), turned(&wide, 7)];
    let [first, second] = &stored_turned;
    let files = [&large[..], first, &small, damaged, second, &wide, first, &small, &large, damaged, &small];
    let mut held = 0;
    for (index, file) in files.into_iter().enumerate() {
        let pixels = shrinker.shrink(file, &Limits::NONE, &Stop::never()).unwrap().map(|(pixels, _)| pixels.to_vec());
        assert!(pixels == shrunk(file, target, Window::Stretch), "picture {index}");
        assert_eq!(pixels.is_none(), file.len() == damaged.len());
        assert!(shrinker.held() >= held, "buffers only grow");
        held = shrinker.held();
    }
}
