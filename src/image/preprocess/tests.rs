use std::fmt::Write;

use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::*;
use crate::image::Orientation;
use crate::image::preprocess::gray;
use crate::image::preprocess::sampling::{Interpolation, Sampler};

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
    /// Without it the picture is stretched.
    #[serde(default)]
    window: String,
    /// The shorter side before a centre crop.
    shorter_side: Option<u32>,
    #[serde(default)]
    colours: String,
    sha256: String,
}

/// Cases of an original other than Pillow's `resize`, with the versions that they were made with.
#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

impl Case {
    fn filter(&self) -> Filter {
        match self.filter.as_str() {
            "nearest" => Filter::Nearest,
            "box" => Filter::Box,
            "bilinear" => Filter::Bilinear,
            "hamming" => Filter::Hamming,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            other => panic!("unknown filter {other}"),
        }
    }

    fn interpolation(&self) -> Interpolation {
        match self.filter.as_str() {
            "tensorflow-nearest" => Interpolation::Nearest,
            "tensorflow-bilinear" => Interpolation::Bilinear,
            "tensorflow-bicubic" => Interpolation::Bicubic,
            other => panic!("unknown filter {other}"),
        }
    }

    fn window(&self) -> Window {
        match (self.window.as_str(), self.shorter_side) {
            (_, Some(shorter_side)) => Window::CentreCrop { shorter_side },
            ("crop-to-aspect", None) => Window::CropToAspect,
            ("" | "stretch", None) => Window::Stretch,
            (other, None) => panic!("unknown window {other}"),
        }
    }

    fn source(&self) -> Size {
        Size { width: self.source[0], height: self.source[1] }
    }

    fn target(&self) -> Size {
        Size { width: self.target[0], height: self.target[1] }
    }

    /// The pixels, in the colours of the case.
    fn pixels(&self) -> Vec<u8> {
        let mut pixels = noise(&self.kind, self.seed, self.source());
        if self.colours == "GRAY" {
            gray::to_gray(&mut pixels, &Stop::never()).unwrap();
        }
        pixels
    }

    /// Whether Pillow's arithmetic gives the bytes of the case.
    fn check(&self) {
        let (target, window, filter, pixels) = (self.target(), self.window(), self.filter(), self.pixels());
        for mut resizer in [Resizer::new(target, window, filter), Resizer::portable(target, window, filter)] {
            let mut resized = resize(&mut resizer, &pixels, upright(self.source()));
            if self.colours == "GRAY" {
                resized = resized.into_iter().step_by(CHANNELS).collect();
            }
            assert_eq!(hex(&Sha256::digest(resized)), self.sha256, "{} with {:?}", self.name, resizer.passes);
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
    cases.iter().for_each(Case::check);
}

/// Every kernel of Pillow, and Keras' `load_img` with `keep_aspect_ratio` and in gray.
#[test]
fn every_byte_is_that_of_load_img() {
    let Cases { cases } = serde_json::from_str(include_str!("../../../tests/fixtures/resize_pillow.json")).unwrap();
    assert!(cases.len() >= 200, "only {} cases", cases.len());
    cases.iter().for_each(Case::check);
}

#[test]
fn every_byte_is_torchvisions() {
    let Cases { cases } =
        serde_json::from_str(include_str!("../../../tests/fixtures/resize_torchvision.json")).unwrap();
    assert!(cases.len() >= 200, "only {} cases", cases.len());
    cases.iter().for_each(Case::check);
}

/// Keras' `image_dataset_from_directory`, with `crop_to_aspect_ratio` and without.
#[test]
fn every_float_is_tensorflows() {
    let Cases { cases } = serde_json::from_str(include_str!("../../../tests/fixtures/resize_tensorflow.json")).unwrap();
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    for case in cases {
        let mut sampler = Sampler::new(case.target(), case.window(), case.interpolation());
        let resized = sampler.resize(&case.pixels(), upright(case.source()), &Stop::never()).unwrap();
        let bytes: Vec<u8> = resized.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(hex(&Sha256::digest(bytes)), case.sha256, "{}", case.name);
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
        for window in [Window::Stretch, Window::CentreCrop { shorter_side: 60 }, Window::CropToAspect] {
            for filter in [Filter::Bicubic, Filter::Nearest] {
                let resizer = || Resizer::new(target, window, filter);
                prop_assert_eq!(
                    resize(&mut resizer(), &pixels, stored(size, orientation)),
                    resize(&mut resizer(), &turned, upright(size.turned(orientation)))
                );
            }
            let sample = |pixels: &[u8], picture| {
                let mut sampler = Sampler::new(target, window, Interpolation::Bicubic);
                sampler.resize(pixels, picture, &Stop::never()).unwrap().to_vec()
            };
            prop_assert_eq!(
                sample(&pixels, stored(size, orientation)),
                sample(&turned, upright(size.turned(orientation)))
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
fn what_a_resize_holds_follows_the_size_of_its_pictures() {
    let source = Size { width: 100, height: 100_000 };
    let mut resizer = fast(Size { width: 30, height: 20 });
    resize(&mut resizer, &noise("noise", 1, source), upright(source));
    // At least the rows between the passes, whichever pass is first.
    assert!(resizer.held() > 100 * 20 * 3, "{}", resizer.held());
}
