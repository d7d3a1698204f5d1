//! HEIC files and what pillow-heif makes of them.

use std::path::PathBuf;

use serde::Deserialize;

use super::LIMITS;
use crate::error::Error;
use crate::image::decode::{Decoder, Limits};
use crate::image::{Filter, Picture, Resizer, Window};
use crate::stop::Stop;

#[derive(Deserialize)]
struct Case {
    file: String,
    width: u32,
    height: u32,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/heic")
}

fn cases() -> Vec<(Case, Vec<u8>)> {
    let manifest = std::fs::read_to_string(folder().join("manifest.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&manifest).unwrap();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let read = |case: Case| (std::fs::read(folder().join(&case.file)).unwrap(), case);
    cases.into_iter().map(read).map(|(file, case)| (case, file)).collect()
}

fn decode(file: &[u8], limits: Limits) -> Result<(Picture, Vec<u8>), Error> {
    let mut pixels = vec![1, 2, 3];
    let picture = Decoder::new(limits).decode(file, None, &Stop::never(), &mut pixels)?;
    Ok((picture, pixels))
}

#[test]
fn every_kind_gives_pillow_heifs_pixels() {
    for (case, file) in cases() {
        let name = &case.file;
        let expected = ::image::open(folder().join("expected").join(format!("{name}.png"))).unwrap().into_rgb8();
        let (picture, pixels) = decode(&file, LIMITS).unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = picture.size.turned(picture.orientation);
        assert_eq!((size.width, size.height), (case.width, case.height), "{name}");
        let mut resizer = Resizer::new(size, Window::Stretch, Filter::Bicubic);
        let upright = resizer.resize(&pixels, picture, &Stop::never()).unwrap();
        assert!(upright == expected.as_raw(), "{name}");
    }
}

#[test]
fn a_file_cut_short_or_changed_is_an_error_or_a_picture() {
    for (case, file) in cases() {
        let cut = (0..file.len()).step_by((file.len() / 97).max(1)).map(|end| file[..end].to_vec());
        let changed = (0..file.len()).step_by((file.len() / 97).max(1)).map(|at| {
            let mut changed = file.clone();
            changed[at] ^= 0x55;
            changed
        });
        for bytes in cut.chain(changed) {
            if let Err(Error::Internal | Error::Busy | Error::OutOfMemory) = decode(&bytes, LIMITS) {
                panic!("{}", case.file);
            }
        }
    }
}

#[test]
fn the_limits_hold_before_memory_is_taken() {
    let mut pixels = Vec::new();
    for (case, file) in cases() {
        let limits = Limits { max_pixels: 100, ..LIMITS };
        let refused = Decoder::new(limits).decode(&file, None, &Stop::never(), &mut pixels);
        assert!(matches!(refused, Err(Error::TooManyPixels { limit: 100, .. })), "{}", case.file);
        let limits = Limits { max_bytes: 20_000, resize_bytes: 0, ..LIMITS };
        let refused = Decoder::new(limits).decode(&file, None, &Stop::never(), &mut pixels);
        assert!(matches!(refused, Err(Error::TooCostly { .. })), "{}: {refused:?}", case.file);
        assert_eq!(pixels.capacity(), 0);
    }
}
