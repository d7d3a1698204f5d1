use std::time::{Duration, Instant};

use super::*;
use crate::image::decode::Limits;
use crate::stop::Stop;

const LIMITS: Limits = Limits { max_pixels: 50_000_000, max_bytes: 640_000_000, resize_bytes: 720, copies: 1 };

/// A file without a palette, whose frame covers the screen. `data` is the image data in sub-blocks, behind its code size.
fn gif(width: u16, height: u16, flags: u8, data: &[u8]) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a".as_slice(), &size, &[0; 3], b",\0\0\0\0", &size, &[flags], data, b";"].concat()
}

fn decoded(file: &[u8], stop: &Stop) -> Result<Vec<u8>, Error> {
    let mut pixels = Vec::new();
    decode(&Source { file, limits: LIMITS, stop }, &mut pixels)?;
    Ok(pixels.chunks_exact(CHANNELS).map(|pixel| pixel[0]).collect())
}

/// Codes of eight bits, each in a byte: as for indices of seven bits before the table has grown.
fn bytes(codes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(codes.len()).unwrap();
    [&[7, length], codes, &[0]].concat()
}

const CLEAR: u8 = 128;
const END: u8 = 129;
/// The first code that data defines.
const FIRST: u8 = 130;

#[test]
fn codes_stand_for_strings() {
    let never = Stop::never();
    // 1, 2, then 1 2, then what is being defined: 1 2 1.
    let data = bytes(&[CLEAR, 1, 2, FIRST, FIRST + 2, END]);
    assert_eq!(decoded(&gif(7, 1, 0, &data), &never), Ok(vec![1, 2, 1, 2, 1, 2, 1]));
    // A clear code is not needed at the beginning, and forgets all strings.
    let data = bytes(&[1, 2, FIRST, CLEAR, CLEAR, 3, 3, FIRST, END]);
    assert_eq!(decoded(&gif(2, 4, 0, &data), &never), Ok(vec![1, 2, 1, 2, 3, 3, 3, 3]));
    // What follows the last pixel does not matter.
    assert_eq!(decoded(&gif(2, 1, 0, &bytes(&[1, 2, 255])), &never), Ok(vec![1, 2]));
    assert_eq!(decoded(&gif(1, 1, 0, &bytes(&[1])), &never), Ok(vec![1]));
}

#[test]
fn undefined_codes_and_missing_pixels_are_damage() {
    let never = Stop::never();
    for codes in [&[FIRST, 1, 1][..], &[1, FIRST + 1], &[1, CLEAR, FIRST], &[1, 2, END], &[1, 2], &[]] {
        assert_eq!(decoded(&gif(3, 1, 0, &bytes(codes)), &never), Err(Error::DamagedImage), "{codes:?}");
    }
    for code_size in [13, 40, 255] {
        assert_eq!(decoded(&gif(1, 1, 0, &[code_size, 1, 0, 0]), &never), Err(Error::DamagedImage));
    }
    assert_eq!(decoded(&gif(0, 1, 0, &bytes(&[1, 2])), &never), Err(Error::DamagedImage));
}

#[test]
fn interlaced_rows_are_put_in_order() {
    for height in [1_u8, 2, 3, 5, 8, 9, 17, 100] {
        let rows = || 0..height;
        let eighths = rows().step_by(8).chain(rows().skip(4).step_by(8));
        let order: Vec<u8> = eighths.chain(rows().skip(2).step_by(4)).chain(rows().skip(1).step_by(2)).collect();
        let stored = gif(1, height.into(), 0x40, &bytes(&order));
        assert_eq!(decoded(&stored, &Stop::never()), Ok(rows().collect()), "{height} rows");
    }
}

#[test]
fn data_that_yields_no_pixel_is_stopped() {
    // Clear codes, and sub-blocks of nothing, without end.
    let clears = [&[255][..], &[CLEAR; 255]].concat().repeat(200_000);
    for data in [clears, vec![0; 40_000_000]] {
        let file = gif(2, 2, 0, &[&[7], &data[..]].concat());
        let stop = Stop::at(Instant::now() + Duration::from_millis(5));
        let begun = Instant::now();
        assert_eq!(decoded(&file, &stop), Err(Error::DeadlineExceeded));
        assert!(begun.elapsed() < Duration::from_millis(500));
    }
}

#[test]
fn only_the_pixels_have_a_price() {
    let file = gif(1000, 1000, 0, &bytes(&[1]));
    let needed = 3_000_000 + HELD as u64;
    let decode_within = |max_bytes| {
        let limits = Limits { max_bytes, resize_bytes: 0, ..LIMITS };
        decode(&Source { file: &file, limits, stop: &Stop::never() }, &mut Vec::new())
    };
    const { assert!(HELD < 40_000) };
    assert_eq!(decode_within(needed), Err(Error::DamagedImage));
    assert_eq!(decode_within(needed - 1), Err(Error::TooCostly { bytes: needed, limit: needed - 1 }));
}
