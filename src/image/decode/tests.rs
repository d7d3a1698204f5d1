use std::path::Path;
use std::time::Instant;

use serde::Deserialize;

use super::*;
use crate::image::{Filter, Resizer, Size, Window};

/// A file and what Pillow made of it; see `scripts/make_fixtures.py`.
#[derive(Deserialize)]
struct Case {
    file: String,
    exact: bool,
    width: u32,
    height: u32,
}

/// How far a channel may be off where Pillow uses another decoder than we do, and on average.
const MAX_DIFFERENCE: u8 = 24;
const MEAN_DIFFERENCE: f64 = 1.0;

const LIMITS: Limits = Limits { max_pixels: 50_000_000, max_bytes: 640_000_000, resize_bytes: 720, copies: 1 };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode")
}

fn decode(file: &[u8]) -> Result<(Picture, Vec<u8>), Error> {
    let mut pixels = vec![1, 2, 3];
    let picture = Decoder::new(LIMITS).decode(file, None, &Stop::never(), &mut pixels)?;
    Ok((picture, pixels))
}

/// The upright pixels, by a resize to the same size, which changes none.
fn upright(picture: Picture, pixels: &[u8]) -> Vec<u8> {
    let size = picture.size.turned(picture.orientation);
    let mut resizer = Resizer::new(size, Window::Stretch, Filter::Bicubic);
    resizer.resize(pixels, picture, &Stop::never()).unwrap().to_vec()
}

fn difference(ours: &[u8], theirs: &[u8]) -> (u8, f64) {
    let differences = || ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let mean = differences().map(f64::from).sum::<f64>() / ours.len() as f64;
    (differences().max().unwrap_or(0), mean)
}

#[test]
fn every_format_gives_pillows_pixels() {
    let manifest = std::fs::read_to_string(folder().join("manifest.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&manifest).unwrap();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let expected = ::image::open(folder().join("expected").join(format!("{}.png", case.file))).unwrap().into_rgb8();
        let file = std::fs::read(folder().join(&case.file)).unwrap();
        let (picture, pixels) = match decode(&file) {
            Ok(decoded) => decoded,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.file));
                continue;
            }
        };
        let size = picture.size.turned(picture.orientation);
        if (size.width, size.height) != (case.width, case.height) {
            wrong.push(format!("{}: {size:?}", case.file));
            continue;
        }
        let (most, mean) = difference(&upright(picture, &pixels), expected.as_raw());
        let (most_allowed, mean_allowed) = if case.exact { (0, 0.0) } else { (MAX_DIFFERENCE, MEAN_DIFFERENCE) };
        if most > most_allowed || mean > mean_allowed {
            wrong.push(format!("{}: off by {most} at most, {mean:.3} on average", case.file));
        }
    }
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A file that Pillow refuses, and what it said.
#[derive(Deserialize)]
struct Rejected {
    file: String,
    why: String,
}

#[test]
fn what_pillow_refuses_is_damaged() {
    let list = std::fs::read_to_string(folder().join("rejected.json")).unwrap();
    let cases: Vec<Rejected> = serde_json::from_str(&list).unwrap();
    assert!(cases.len() >= 5, "only {} cases", cases.len());
    for Rejected { file, why } in cases {
        let bytes = std::fs::read(folder().join(&file)).unwrap();
        assert_eq!(decode(&bytes).map(|_| ()), Err(Error::DamagedImage), "{file}: {why}");
    }
}

fn fixtures(ending: &str) -> Vec<(String, Vec<u8>)> {
    let manifest = std::fs::read_to_string(folder().join("manifest.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&manifest).unwrap();
    let files = cases.into_iter().filter(|case| case.file.ends_with(ending));
    files.map(|case| (case.file.clone(), std::fs::read(folder().join(&case.file)).unwrap())).collect()
}

#[test]
fn a_file_cut_short_is_damaged_and_never_a_panic() {
    for (name, file) in fixtures("") {
        for end in (0..file.len()).step_by((file.len() / 97).max(1)) {
            if let Err(error) = decode(&file[..end]) {
                assert!(
                    matches!(
                        error,
                        Error::DamagedImage
                            | Error::NotAnImage
                            | Error::UnsupportedImage { .. }
                            | Error::TooManyPixels { .. }
                    ),
                    "{name} cut at {end}: {error:?}"
                );
            }
        }
    }
    for ending in [".jpg", ".png"] {
        for (name, file) in fixtures(ending) {
            assert_eq!(decode(&file[..file.len() / 2]).map(|_| ()), Err(Error::DamagedImage), "{name}");
        }
    }
}

#[test]
fn a_changed_byte_is_never_a_panic() {
    for (name, file) in fixtures("") {
        for at in (0..file.len()).step_by((file.len() / 61).max(1)) {
            let mut changed = file.clone();
            changed[at] ^= 0x55;
            if let Err(Error::Internal | Error::Busy | Error::OutOfMemory) = decode(&changed) {
                panic!("{name} changed at {at}");
            }
        }
    }
}

#[test]
fn what_is_no_image_and_what_is_another() {
    for (file, error) in [
        (&b""[..], Error::NotAnImage),
        (b"hello", Error::NotAnImage),
        (b"%PDF-1.7", Error::UnsupportedImage { kind: "PDF" }),
        (b"\0\0\0\x10ftypheic\0\0\0\0", Error::DamagedImage),
        (b"\0\0\0\x14ftypmp42\0\0\0\0avif", Error::DamagedImage),
        (b"\0\0\0\x10ftypmp42avif", Error::UnsupportedImage { kind: "Video" }),
        (b"\0\0\0\x10ftypcrx \0\0\0\0", Error::UnsupportedImage { kind: "Camera raw" }),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Error::UnsupportedImage { kind: "SVG" }),
        (b"<?xml version='1.0'?>\n<svg/>", Error::UnsupportedImage { kind: "SVG" }),
        (b"<?xml version='1.0'?>\n<html/>", Error::NotAnImage),
        (b"\0\0\x01\0\x01\0\x10\x10", Error::DamagedImage),
        (b"\0\0\x02\0\x01\0\x10\x10", Error::DamagedImage),
        (b"\0\0\x02\0\0\0\x10\x10", Error::NotAnImage),
        (b"\x0c\0\0\0\x02\0\x02\0\x01\0\x18\0", Error::DamagedImage),
        (b"\x28\0\0\0\x02\0\x02\0\x01\0\x18\0", Error::NotAnImage),
        (b"\xff\xd8\xff", Error::DamagedImage),
        (b"\x89PNG\r\n\x1a\n", Error::DamagedImage),
        (b"P6\n1 1 255\n", Error::DamagedImage),
        (b"P7\nWIDTH 1\n", Error::UnsupportedImage { kind: "PAM" }),
        (b"qoif", Error::DamagedImage),
        (b"GIF89a", Error::DamagedImage),
        (b"RIFF\x08\0\0\0WEBPVP8 ", Error::DamagedImage),
        (b"BM", Error::DamagedImage),
        (b"II*\0", Error::DamagedImage),
    ] {
        assert_eq!(decode(file).map(|_| ()), Err(error), "{}", file.escape_ascii());
    }
}

#[test]
fn the_limit_holds_before_any_pixel_is_read() {
    let mut decoder = Decoder::new(Limits { max_pixels: 61 * 43 - 1, ..LIMITS });
    let mut refused = std::collections::BTreeSet::new();
    for (name, file) in fixtures("") {
        let mut pixels = Vec::new();
        if let Err(Error::TooManyPixels { limit, .. }) = decoder.decode(&file, None, &Stop::never(), &mut pixels) {
            assert_eq!((limit, pixels.capacity()), (61 * 43 - 1, 0), "{name}");
            refused.insert(name.rsplit('.').next().unwrap().to_owned());
        }
    }
    let formats: Vec<&str> = refused.iter().map(String::as_str).collect();
    assert_eq!(formats, ["avif", "bmp", "cur", "dib", "gif", "ico", "jpg", "png", "ppm", "qoi", "tif", "webp"]);
}

/// A progressive picture with its last scan so many times over.
fn of_many_scans(times: usize) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/rocket_progressive.jpg");
    let file = std::fs::read(path).unwrap();
    let scan = file.windows(2).rposition(|bytes| bytes == [0xff, 0xda]).unwrap();
    let (all, end) = file.split_at(file.len() - 2);
    [all, &file[scan..file.len() - 2].repeat(times), end].concat()
}

#[test]
fn scans_without_end_are_refused() {
    assert!(decode(&of_many_scans(0)).is_ok());
    assert!(decode(&of_many_scans(100)).is_ok());
    assert_eq!(decode(&of_many_scans(300)).map(drop), Err(Error::DamagedImage));
}

/// A stray byte is a warning, and a table that can't be an error: libjpeg-turbo reports the first.
#[test]
fn an_error_behind_a_warning_is_not_answered_with_the_picture_before() {
    let file = of_many_scans(0);
    let scan = file.windows(2).rposition(|bytes| bytes == [0xff, 0xda]).unwrap();
    let table = [b"\x12\xff\xc4\0\x13\0".as_slice(), &[0xff; 16]].concat();
    let damaged = [&file[..scan], &table, &file[scan..]].concat();
    let mut decoder = Decoder::new(LIMITS);
    let mut pixels = Vec::new();
    assert!(decoder.decode(&file, None, &Stop::never(), &mut pixels).is_ok());
    assert_eq!(decoder.decode(&damaged, None, &Stop::never(), &mut pixels), Err(Error::DamagedImage));
    // The stray byte alone is let pass.
    let stray = [&file[..scan], b"\x12", &file[scan..]].concat();
    assert!(decoder.decode(&stray, None, &Stop::never(), &mut pixels).is_ok());
}

#[test]
fn nothing_is_decoded_past_the_deadline() {
    let now = Instant::now();
    for (name, file) in fixtures("") {
        let decoded = Decoder::new(LIMITS).decode(&file, None, &Stop::at(now), &mut Vec::new());
        assert_eq!(decoded, Err(Error::DeadlineExceeded), "{name}");
    }
}

#[test]
fn more_scans_than_there_is_time_for() {
    let file = of_many_scans(100);
    let soon = |milliseconds| Instant::now() + std::time::Duration::from_millis(milliseconds);
    let scans = crate::image::segments::scans(&file, 1000).count;
    assert!(scans > 100);
    // 100 scans of this picture are ten million pixels and more: a second, by the estimate.
    let decoded = Decoder::new(LIMITS).decode(&file, None, &Stop::at(soon(20)), &mut Vec::new());
    assert_eq!(decoded, Err(Error::DeadlineExceeded));
    assert!(decode(&file).is_ok());
}

#[test]
fn a_webp_whose_picture_is_not_of_its_size_is_damaged() {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        [kind.as_slice(), &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
    };
    let inside = chunk(b"VP8L", b"\x2f\xfe\xbf\xff\x0f\0\0\0");
    for flags in [0, 2] {
        let header = chunk(b"VP8X", &[flags, 0, 0, 0, 60, 0, 0, 42, 0, 0]);
        let frame = [&[0, 0, 0, 0, 0, 0, 60, 0, 0, 42, 0, 0, 1, 0, 0, 0][..], &inside].concat();
        let picture =
            if flags == 0 { inside.clone() } else { [chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)].concat() };
        let body = [b"WEBP".as_slice(), &header, &picture].concat();
        let mut pixels = Vec::new();
        let file = chunk(b"RIFF", &body);
        assert_eq!(Decoder::new(LIMITS).decode(&file, None, &Stop::never(), &mut pixels), Err(Error::DamagedImage));
        assert!(pixels.capacity() <= 61 * 43 * 3, "{} bytes", pixels.capacity());
    }
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name)).unwrap()
}

/// The picture in a square of `side` pixels a side, and the reduction of its decode, for which `detail` allows.
fn resized(detail: Option<u32>, file: &[u8], side: u32) -> (u32, Vec<u8>) {
    let mut pixels = Vec::new();
    let picture = Decoder::new(LIMITS).decode(file, detail, &Stop::never(), &mut pixels).unwrap();
    let mut resizer = Resizer::new(Size { width: side, height: side }, Window::Stretch, Filter::Bicubic);
    (picture.reduction, resizer.resize(&pixels, picture, &Stop::never()).unwrap().to_vec())
}

#[test]
fn a_large_jpeg_is_reduced_and_looks_the_same() {
    // 640 x 427, so that both 2 and 4 leave a part of a pixel.
    for name in ["rocket.jpg", "rocket_progressive.jpg"] {
        let file = sample(name);
        for (side, expected) in [(72, 1), (36, 1), (35, 2), (18, 2), (17, 4), (9, 4), (8, 8), (1, 8)] {
            let (reduction, reduced) = resized(Some(side), &file, side);
            assert_eq!(reduction, expected, "{name} to {side}");
            let (worst, mean) = difference(&reduced, &resized(None, &file, side).1);
            assert!(worst <= 12 && mean < 1.0, "{name} to {side}: {worst} at most, {mean} on average");
            assert!(reduction > 1 || worst == 0, "{name} to {side}");
        }
    }
}

/// Where four pixels share a sample of Cb and Cr, libjpeg-turbo reduces these as well.
#[test]
fn a_jpeg_with_few_samples_of_colour_is_reduced_later() {
    let mut pixels = Vec::new();
    let Size { width, height } =
        Decoder::new(LIMITS).decode(&sample("rocket.jpg"), None, &Stop::never(), &mut pixels).unwrap().size;
    let (width, height, format) = (width as usize, height as usize, turbojpeg::PixelFormat::RGB);
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    for (sampling, reductions) in [(turbojpeg::Subsamp::Sub2x2, [2, 4]), (turbojpeg::Subsamp::Sub4x1, [1, 2])] {
        let file = turbojpeg::compress(image, 90, sampling).unwrap();
        assert_eq!([35, 17].map(|side| resized(Some(side), &file, side).0), reductions, "{sampling:?}");
    }
}

#[test]
fn every_kind_of_jpeg_can_be_reduced() {
    for (name, file) in fixtures(".jpg") {
        let (reduction, reduced) = resized(Some(3), &file, 3);
        let (_, whole) = resized(None, &file, 3);
        let (worst, _) = difference(&reduced, &whole);
        // Of 43 rows, 4:1:1 and a sampling without a name keep too few.
        let is_too_small = ["one_pixel", "factors_41_11_11", "factors_11_21_11"].iter().any(|kind| name.contains(kind));
        assert_eq!(reduction >= 2, !is_too_small, "{name}");
        assert!(worst <= 16, "{name}: {worst} levels");
    }
}

/// What libjpeg-turbo can't reduce would be written past the end of the buffer.
#[test]
fn a_lossless_jpeg_is_never_reduced() {
    let (width, height) = (64, 48);
    let pixels: Vec<u8> = (0..width * height * 3).map(|value: usize| value.to_le_bytes()[0]).collect();
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_lossless(true).unwrap();
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    let file = compressor.compress_to_vec(image).unwrap();
    let mut decoded = Vec::new();
    let picture = Decoder::new(LIMITS).decode(&file, Some(1), &Stop::never(), &mut decoded).unwrap();
    assert_eq!(picture.reduction, 1);
    assert!(decoded == pixels);
}
