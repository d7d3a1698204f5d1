//! Memory: with little of it, large pictures are refused or answered and the server keeps running. More workers do not copy
//! the model's weights.

use std::process::Command;

use crate::support::{Process, executable, root, serving};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use image::ImageEncoder;

/// Pixels per side: 49 megapixels, just below the default of `MAX_PIXELS`.
const SIDE: u16 = 7000;

/// Limits on the process' data in MiB. The idle server takes 50, most pictures take 150 to 500.
const LIMITS: [u32; 3] = [200, 300, 512];

fn limited(mebibytes: u32) -> Process {
    let server = executable();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -d {}; exec \"$@\"", mebibytes * 1024), "sh"]).arg(server.get_program());
    command.env_clear().current_dir(root()).args(["--listen-addr", "127.0.0.1:0", "--workers", "1"]);
    command.args(["--inference-timeout", "60s"]);
    let mut process = Process::start(command);
    process.ignore_log();
    process
}

/// An uncompressed TIFF whose strips share one offset, so that the file is far smaller than its pixels.
fn tiff(photometric: u16, samples: u16, bits: u16) -> Vec<u8> {
    let side = u32::from(SIDE);
    let row = side * u32::from(samples) * u32::from(bits / 8);
    let rows = (1 << 20) / row;
    let strips = side.div_ceil(rows);
    let entries = 10_u32 + u32::from(photometric == 3);
    let lists = 8 + 2 + entries * 12 + 4;
    let (offsets, counts, depths) = (lists, lists + strips * 4, lists + strips * 8);
    let palette = depths + 8;
    let data = palette + 256 * 6;
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend(u16::try_from(entries).unwrap().to_le_bytes());
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        file.extend(tag.to_le_bytes().into_iter().chain(kind.to_le_bytes()));
        file.extend(count.to_le_bytes().into_iter().chain(value.to_le_bytes()));
    };
    entry(256, 4, 1, side);
    entry(257, 4, 1, side);
    entry(258, 3, u32::from(samples), if samples <= 2 { u32::from(bits) } else { depths });
    entry(259, 3, 1, 1);
    entry(262, 3, 1, u32::from(photometric));
    entry(273, 4, strips, offsets);
    entry(277, 3, 1, u32::from(samples));
    entry(278, 4, 1, rows);
    entry(279, 4, strips, counts);
    if photometric == 3 {
        entry(320, 3, 256 * 3, palette);
    }
    entry(338, 3, u32::from(samples == 4), 2);
    file.extend([0; 4]);
    for _ in 0..strips {
        file.extend(data.to_le_bytes());
    }
    for strip in 0..strips {
        file.extend((rows.min(side - strip * rows) * row).to_le_bytes());
    }
    file.extend(bits.to_le_bytes().repeat(4));
    file.resize((data + rows * row) as usize, 0x80);
    file
}

/// A run-length encoded BMP (BITMAPINFOHEADER, `BI_RLE8`).
fn bmp() -> Vec<u8> {
    let side = u32::from(SIDE);
    let runs = usize::from(SIDE / 255);
    let row = [[255, 0].repeat(runs), vec![u8::try_from(usize::from(SIDE) - runs * 255).unwrap(), 0, 0, 0]].concat();
    let pixels = [row.repeat(usize::from(SIDE)), vec![0, 1]].concat();
    let begin = 14 + 40 + 4 * 256_u32;
    let length = u32::try_from(pixels.len()).unwrap();
    let header = [begin + length, 0, begin, 40, side, side, 1 | 8 << 16, 1, length, 0, 0, 256, 0];
    [b"BM".to_vec(), header.into_iter().flat_map(u32::to_le_bytes).collect(), vec![0x40; 1024], pixels].concat()
}

/// A lossless WebP of one colour: five prefix codes of one symbol each, hence 0 bits per pixel (RFC 9649, section 3).
fn webp() -> Vec<u8> {
    let side = u64::from(SIDE) - 1;
    let codes: u64 = (0..5).fold(0, |bits, code| bits | 1 << (3 + code * 4));
    let bits = side | side << 14 | codes << 32;
    let stream = [&[0x2f][..], &bits.to_le_bytes(), &[0; 7]].concat();
    [b"RIFF".as_slice(), &28_u32.to_le_bytes(), b"WEBPVP8L", &16_u32.to_le_bytes(), &stream].concat()
}

/// A QOI file of runs of 62 pixels, the longest (`qoiformat.org`, `QOI_OP_RUN`).
fn qoi() -> Vec<u8> {
    let side = u32::from(SIDE).to_be_bytes();
    let pixels = usize::from(SIDE) * usize::from(SIDE);
    let last = 0xc0 | u8::try_from(pixels % 62 - 1).unwrap();
    let runs = [vec![0xfd; pixels / 62], vec![last]].concat();
    [&b"qoif"[..], &side, &side, &[3, 0], &runs, &[0, 0, 0, 0, 0, 0, 0, 1]].concat()
}

/// A bitmap of one bit a pixel in netpbm's binary form.
fn pbm() -> Vec<u8> {
    let row = vec![0x55; usize::from(SIDE).div_ceil(8)];
    [format!("P4 {SIDE} {SIDE}\n").into_bytes(), row.repeat(usize::from(SIDE))].concat()
}

/// An icon that holds `png`.
fn ico(png: &[u8]) -> Vec<u8> {
    let length = u32::try_from(png.len()).unwrap().to_le_bytes();
    [&[0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 32, 0][..], &length, &22_u32.to_le_bytes(), png].concat()
}

/// A picture from `scripts/make_fixtures.py`.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/fixtures/large").join(name)).unwrap()
}

fn gif() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, SIDE, SIDE, &[9; 6]).unwrap();
    let buffer = vec![0; usize::from(SIDE) * usize::from(SIDE)].into();
    encoder.write_frame(&gif::Frame { width: SIDE, height: SIDE, buffer, ..Default::default() }).unwrap();
    drop(encoder);
    file
}

fn png(colours: image::ExtendedColorType, bytes: usize) -> Vec<u8> {
    let (mut file, side) = (Vec::new(), u32::from(SIDE));
    let pixels = vec![0; usize::from(SIDE) * usize::from(SIDE) * bytes];
    image::codecs::png::PngEncoder::new(&mut file).write_image(&pixels, side, side, colours).unwrap();
    file
}

fn jpeg(format: turbojpeg::PixelFormat, is_progressive: bool) -> Vec<u8> {
    let (side, bytes) = (usize::from(SIDE), format.size());
    let pixels = vec![90; side * side * bytes];
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::None).unwrap();
    compressor.set_progressive(is_progressive).unwrap();
    let image = turbojpeg::Image { pixels: &pixels[..], width: side, pitch: side * bytes, height: side, format };
    compressor.compress_to_vec(image).unwrap()
}

fn pictures() -> Vec<(&'static str, Vec<u8>)> {
    use image::ExtendedColorType::{Rgb8, Rgba16};
    use turbojpeg::PixelFormat::{CMYK, RGB};
    vec![
        ("jpeg", jpeg(RGB, false)),
        ("jpeg, progressive", jpeg(RGB, true)),
        ("jpeg, progressive CMYK", jpeg(CMYK, true)),
        ("png", png(Rgb8, 3)),
        ("png, RGBA of 16 bits", png(Rgba16, 8)),
        ("webp", webp()),
        ("gif", gif()),
        ("bmp", bmp()),
        ("tiff", tiff(2, 3, 8)),
        ("tiff, RGBA of 16 bits", tiff(2, 4, 16)),
        ("tiff, palette", tiff(3, 1, 8)),
        ("qoi", qoi()),
        ("pbm", pbm()),
        ("ico", ico(&png(Rgb8, 3))),
        ("avif", fixture("plain.avif")),
        #[cfg(feature = "heic")]
        ("heic", fixture("plain.heic")),
    ]
}

fn body(file: &[u8]) -> String {
    format!(r#"{{"base64Image":"{}"}}"#, BASE64_STANDARD.encode(file))
}

#[tokio::test]
async fn without_memory_the_server_refuses_and_keeps_running() {
    let pictures: Vec<(&str, String)> = pictures().into_iter().map(|(name, file)| (name, body(&file))).collect();
    let small = body(&std::fs::read(root().join("tests/pictures/coffee.jpg")).unwrap());
    let client = reqwest::Client::new();
    let mut statuses = std::collections::BTreeSet::new();
    for limit in LIMITS {
        let server = limited(limit);
        let send = |body: &str| {
            let request = client.post(server.url("/api/v1/analyze")).header("Content-Type", "application/json");
            request.body(body.to_owned()).send()
        };
        for (name, body) in &pictures {
            let answer = send(body).await.unwrap_or_else(|error| panic!("{name} at {limit} MiB: {error}"));
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            assert!([200, 503].contains(&status), "{name} at {limit} MiB: {status} {text}");
            statuses.insert(status);
            let livez = client.get(server.url("/livez")).send().await.unwrap().status();
            assert_eq!(livez, 200, "after {name} at {limit} MiB");
            let after = send(&small).await.unwrap().status();
            assert_eq!(after, 200, "a small picture after {name} at {limit} MiB");
        }
    }
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
}

#[test]
fn more_workers_do_not_copy_the_model() {
    let memory = |workers: &str| {
        let mut command = serving();
        command.args(["--workers", workers]);
        Process::start(command).memory()
    };
    let (one, many) = (memory("1"), memory("32"));
    // The weights take 14 MB.
    assert!(many < one + (24 << 20), "{} kB with one worker, {} kB with 32", one >> 10, many >> 10);
}
