use std::io::Write;
use std::time::Instant;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::*;
use crate::stop::Stop;

const NO_LIMITS: super::super::Limits = super::super::Limits::NONE;

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    [&u32::try_from(data.len()).unwrap().to_be_bytes(), &kind[..], data, &crc.sum().to_be_bytes()].concat()
}

fn header(width: u32, height: u32, depth: u8, colour_type: u8, interlace: u8) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(*b"IHDR", &[&sides[..], &[depth, colour_type, 0, 0, interlace]].concat())
}

fn data(rows: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(rows).unwrap();
    chunk(*b"IDAT", &packer.finish().unwrap())
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&chunks::SIGNATURE[..], &chunks.concat()].concat()
}

fn decoded(file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut pixels = vec![9; 2];
    decode(&Source { file, limits: NO_LIMITS, stop: &Stop::never() }, &mut pixels).map(|_| pixels)
}

/// Sizes in which some passes have no columns, no rows or neither.
#[test]
fn a_small_picture_is_the_same_when_it_is_interlaced() {
    for (width, height) in (1..=9_u32).flat_map(|width| (1..=9).map(move |height| (width, height))) {
        let gray = |x: u32, y: u32| u8::try_from(x * 20 + y).unwrap();
        let row = |y: u32, first: u32, step: u32| {
            let values = (first..width).step_by(step as usize).map(move |x| gray(x, y));
            std::iter::once(0).chain(values)
        };
        let plain: Vec<u8> = (0..height).flat_map(|y| row(y, 0, 1)).collect();
        let passes = ADAM7.iter().filter(|pass| pass.left < width);
        let interlaced: Vec<u8> = passes
            .flat_map(|pass| {
                let rows = (pass.top..height).step_by(pass.down as usize);
                rows.flat_map(move |y| row(y, pass.left, pass.across))
            })
            .collect();
        let plain = decoded(&file(&[header(width, height, 8, 0, 0), data(&plain)])).unwrap();
        let interlaced = decoded(&file(&[header(width, height, 8, 0, 1), data(&interlaced)])).unwrap();
        assert_eq!(plain, interlaced, "{width} x {height}");
    }
}

#[test]
fn other_chunks_are_not_looked_at() {
    let (shape, pixel) = (header(1, 1, 8, 0, 0), data(&[0, 7]));
    // A profile that can't be unpacked, megabytes of text, and a chunk of a critical kind with a wrong checksum.
    let mut unknown = chunk(*b"ABCD", b"?");
    unknown[12] ^= 1;
    for other in [chunk(*b"iCCP", b"k\0\0?"), chunk(*b"iTXt", &vec![b'x'; 5 << 20]), unknown, Vec::new()] {
        assert_eq!(decoded(&file(&[other.clone(), shape.clone(), other, pixel.clone()])).unwrap(), [7; 3]);
    }
    let unfinished = [file(std::slice::from_ref(&shape)), b"\0\0\xff\xffIDAT".to_vec(), pixel[8..].to_vec()].concat();
    assert_eq!(decoded(&unfinished).unwrap(), [7; 3]);
    assert_eq!(decoded(&file(&[shape.clone(), chunk(*b"\0\0\0\0", b""), pixel.clone()])), Err(Error::DamagedImage));
    assert_eq!(decoded(&file(&[shape, chunk(*b"IEND", b""), pixel])), Err(Error::DamagedImage));
}

#[test]
fn one_right_checksum_of_the_image_data_is_enough() {
    let shape = header(1, 1, 8, 0, 0);
    // A stored block (RFC 1951, section 3.2.4), and the checksum of its bytes.
    let right = [0x78, 1, 1, 2, 0, 0xfd, 0xff, 0, 7, 0, 9, 0, 8];
    let mut wrong = right;
    wrong[8] = 6;
    let with = |bytes: &[u8], is_sound: bool| {
        let mut data = chunk(*b"IDAT", bytes);
        *data.last_mut().unwrap() ^= u8::from(!is_sound);
        decoded(&file(&[shape.clone(), data]))
    };
    assert_eq!(with(&right, true).unwrap(), [7; 3]);
    assert_eq!(with(&right, false).unwrap(), [7; 3]);
    assert_eq!(with(&wrong, true).unwrap(), [6; 3]);
    assert_eq!(with(&wrong, false), Err(Error::DamagedImage));
    // Without the second one, the first one is not missed.
    assert_eq!(with(&right[..9], false).unwrap(), [7; 3]);
}

#[test]
fn apples_own_kind_has_a_name() {
    let apple = file(&[chunk(*b"CgBI", &[0; 4]), header(1, 1, 8, 6, 0), data(&[0, 1, 2, 3, 4])]);
    let kind = "Apple's own kind of PNG (CgBI)";
    assert_eq!(decoded(&apple), Err(Error::UnsupportedImage { kind }));
}

#[test]
fn depth_and_alpha_are_not_paid_for() {
    let side = 1000;
    let picture = file(&[header(side, side, 16, 6, 1), data(&vec![0; 9_000_000])]);
    let mut pixels = Vec::new();
    let mut decode_within = |max_bytes| {
        let limits = super::super::Limits { max_bytes, ..NO_LIMITS };
        decode(&Source { file: &picture, limits, stop: &Stop::never() }, &mut pixels).map(|_| pixels.len())
    };
    let (least, needed) = (3_000_000, 3_000_000 + ROWS * 8 * 1000 + BASE);
    assert_eq!(decode_within(least), Err(Error::TooCostly { bytes: needed, limit: least }));
    assert_eq!(decode_within(needed), Ok(3_000_000));
}

#[test]
fn nothing_is_decoded_past_the_deadline() {
    let picture = file(&[header(1, 1, 8, 0, 0), data(&[0, 7])]);
    let stop = Stop::at(Instant::now());
    let decoded = decode(&Source { file: &picture, limits: NO_LIMITS, stop: &stop }, &mut Vec::new());
    assert_eq!(decoded, Err(Error::DeadlineExceeded));
}
