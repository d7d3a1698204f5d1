//! The pictures and settings of the benchmarks.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each benchmark uses its own part of this"
)]

pub mod pipeline;

#[path = "../../tests/it/support/jpeg.rs"]
mod jpeg;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Parser;
use criterion::Criterion;
use glimpse::config::{CommandLine, Config};
use glimpse::stop::Stop;
use image::RgbImage;
use image::imageops::{FilterType, flip_horizontal, replace, resize};
use jpeg::jpeg;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn model() -> PathBuf {
    root().join("models/model.onnx")
}

/// Times that keep `scripts/bench` under five minutes.
pub fn criterion() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3))
}

pub fn config() -> Config {
    let model = model();
    let flags = ["glimpse", "--model", model.to_str().unwrap(), "--log-level", "off"];
    CommandLine::try_parse_from(flags).unwrap().config
}

pub fn pixels(name: &str) -> RgbImage {
    image::open(root().join("tests/pictures").join(name)).unwrap().into_rgb8()
}

/// A sample picture's file.
pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/pictures").join(name)).unwrap()
}

/// A photograph of a size common on the web: 500 x 375, about 70 KB.
pub fn small() -> Vec<u8> {
    jpeg(&resize(&pixels("coffee.png"), 500, 375, FilterType::CatmullRom), 92)
}

/// A photograph of 12 megapixels, 4000 x 3000: tiles of the three sample pictures. They are not enlarged, so that it has
/// a photograph's detail everywhere.
pub fn large() -> Vec<u8> {
    let tiles = [pixels("coffee.png"), pixels("chelsea.png"), image_rocket()];
    let mut large = RgbImage::new(4000, 3000);
    let (mut number, mut y) = (0, 0);
    while y < 3000 {
        let mut x = 0;
        while x < 4000 {
            let tile = &tiles[number % tiles.len()];
            let tile = if number % 2 == 0 { tile.clone() } else { flip_horizontal(tile) };
            replace(&mut large, &tile, i64::from(x), i64::from(y));
            x += tile.width();
            number += 1;
        }
        y += 300;
    }
    jpeg(&large, 92)
}

fn image_rocket() -> RgbImage {
    let file = sample("rocket.jpg");
    let mut decoder = glimpse::image::Decoder::new(glimpse::image::Limits::NONE);
    let mut pixels = Vec::new();
    let size = decoder.decode(&file, None, &Stop::never(), &mut pixels).unwrap().size;
    RgbImage::from_raw(size.width, size.height, pixels).unwrap()
}

/// The JSON body of a request with this picture.
pub fn body(picture: &[u8]) -> String {
    format!(r#"{{"base64Image":"{}"}}"#, BASE64_STANDARD.encode(picture))
}
