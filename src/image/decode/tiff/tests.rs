//! Hostile and unusual directories. The kinds of pictures are among the fixtures of the decoder.

use std::time::{Duration, Instant};

use super::*;
use crate::image::decode::Limits;
use crate::stop::Stop;

const SHORT: u16 = 3;
const LONG: u16 = 4;

fn entry(tag: u16, kind: u16, count: u32, value: u32) -> [u8; 12] {
    let mut entry = [0; 12];
    entry[..2].copy_from_slice(&tag.to_le_bytes());
    entry[2..4].copy_from_slice(&kind.to_le_bytes());
    entry[4..8].copy_from_slice(&count.to_le_bytes());
    entry[8..].copy_from_slice(&value.to_le_bytes());
    entry
}

/// A file with `data` at 8 and a directory of `entries` behind it.
fn file(data: &[u8], entries: &[[u8; 12]]) -> Vec<u8> {
    let directory = u32::try_from(8 + data.len()).unwrap().to_le_bytes();
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    [b"II*\0".as_slice(), &directory, data, &count, entries.as_flattened(), &[0; 4]].concat()
}

/// A picture of one strip at 8, of gray of 8 bits.
fn gray(width: u32, height: u32) -> Vec<[u8; 12]> {
    vec![
        entry(tags::WIDTH, LONG, 1, width),
        entry(tags::HEIGHT, LONG, 1, height),
        entry(tags::BITS_PER_SAMPLE, SHORT, 1, 8),
        entry(tags::PHOTOMETRIC, SHORT, 1, 1),
        entry(tags::STRIP_OFFSETS, LONG, 1, 8),
    ]
}

fn with(mut entries: Vec<[u8; 12]>, more: &[[u8; 12]]) -> Vec<[u8; 12]> {
    entries.retain(|entry| more.iter().all(|other| other[..2] != entry[..2]));
    entries.extend_from_slice(more);
    entries
}

fn decoded_by(file: &[u8], limits: Limits, stop: &Stop) -> Result<(Size, Vec<u8>), Error> {
    let mut pixels = Vec::new();
    let size = decode(&Source { file, limits, stop }, &mut pixels)?;
    Ok((size, pixels))
}

fn decoded(file: &[u8]) -> Result<(Size, Vec<u8>), Error> {
    decoded_by(file, Limits::NONE, &Stop::never())
}

#[test]
fn one_strip_of_gray() {
    let (size, pixels) = decoded(&file(&[1, 2, 3, 4, 5, 6], &gray(3, 2))).unwrap();
    assert_eq!((size, pixels), (Size { width: 3, height: 2 }, [1, 2, 3, 4, 5, 6].map(|gray| [gray; 3]).concat()));
}

#[test]
fn what_the_decoder_does_not_read_may_have_any_length() {
    // Photoshop's layers, a description, and a colour map that no gray picture needs.
    let long = [37724, 270, 50839, tags::COLOR_MAP].map(|tag| entry(tag, 1, 5_000_000, 8));
    let data = vec![7; 5_000_000];
    assert_eq!(decoded(&file(&data, &with(gray(1, 1), &long))).unwrap().1, [7; 3]);
}

#[test]
fn a_list_that_is_not_in_the_file_is_none() {
    let entries = with(gray(1, 1), &[entry(tags::STRIP_BYTE_COUNTS, LONG, u32::MAX, 8)]);
    assert_eq!(decoded(&file(&[9], &entries)).unwrap().1, [9; 3]);
    let entries = with(gray(1, 1), &[entry(tags::STRIP_OFFSETS, LONG, u32::MAX, 8)]);
    assert_eq!(decoded(&file(&[9], &entries)).map(drop), Err(Error::DamagedImage));
}

#[test]
fn the_last_offset_counts_for_an_uncompressed_strip() {
    let data = [&8_u32.to_le_bytes()[..], &16_u32.to_le_bytes(), &[5, 6]].concat();
    let entries = with(gray(2, 1), &[entry(tags::STRIP_OFFSETS, LONG, 2, 8)]);
    assert_eq!(decoded(&file(&data, &entries)).unwrap().1, [5, 5, 5, 6, 6, 6]);
}

#[test]
fn sides_that_can_not_be() {
    for more in [
        entry(tags::ROWS_PER_STRIP, LONG, 1, 0),
        entry(tags::SAMPLES_PER_PIXEL, SHORT, 1, 0),
        entry(tags::STRIP_OFFSETS, LONG, 1, u32::MAX),
        entry(tags::WIDTH, LONG, 1, 0),
    ] {
        let decoded = decoded(&file(&[0; 9], &with(gray(1, 1), &[more]))).map(drop);
        assert!(matches!(decoded, Err(Error::DamagedImage | Error::UnsupportedImage { .. })), "{decoded:?}");
    }
    let tile = [entry(tags::TILE_WIDTH, LONG, 1, u32::MAX), entry(tags::TILE_HEIGHT, LONG, 1, u32::MAX)];
    let tiles = with(gray(1, 1), &[&tile[..], &[entry(tags::TILE_OFFSETS, LONG, 1, 8)]].concat());
    let without_strips: Vec<_> =
        tiles.into_iter().filter(|entry| entry[..2] != tags::STRIP_OFFSETS.to_le_bytes()).collect();
    let limits = Limits { max_pixels: 100, max_bytes: 1 << 20, resize_bytes: 0, copies: 1 };
    let decoded = decoded_by(&file(&[0; 9], &without_strips), limits, &Stop::never()).map(drop);
    assert!(matches!(decoded, Err(Error::TooCostly { .. })), "{decoded:?}");
}

#[test]
fn kinds_are_refused_by_their_name() {
    let kind = |more: &[[u8; 12]]| match decoded(&file(&[0; 64], &with(gray(1, 1), more))) {
        Err(Error::UnsupportedImage { kind }) => kind,
        other => panic!("{other:?}"),
    };
    let compression = |value| [entry(tags::COMPRESSION, SHORT, 1, value)];
    let two_dimensions = entry(tags::T4_OPTIONS, LONG, 1, 1);
    let kind_of_group3 = kind(&[compression(3)[0], two_dimensions]);
    assert_eq!(kind_of_group3, "TIFF with CCITT Group 3 compression of two dimensions");
    assert_eq!(kind(&compression(6)), "TIFF with old-style JPEG compression");
    assert_eq!(kind(&compression(34925)), "TIFF with LZMA compression");
    assert_eq!(kind(&[entry(tags::PHOTOMETRIC, SHORT, 1, 8)]), "TIFF in the Lab colour space");
}

/// 7000 strips that all are the same 56 kB of zeros, compressed by `PackBits` to a few hundred bytes.
fn shared_strips() -> Vec<u8> {
    let row = [0x81, 0].repeat(7000 * 8 / 128 + 1);
    let offsets = 8_u32.to_le_bytes().repeat(7000);
    let at = u32::try_from(8 + row.len()).unwrap();
    let entries = with(
        gray(7000, 7000),
        &[
            entry(tags::BITS_PER_SAMPLE, SHORT, 1, 16),
            entry(tags::SAMPLES_PER_PIXEL, SHORT, 1, 4),
            entry(tags::COMPRESSION, SHORT, 1, 32773),
            entry(tags::PHOTOMETRIC, SHORT, 1, 2),
            entry(tags::STRIP_OFFSETS, LONG, 7000, at),
            entry(tags::ROWS_PER_STRIP, LONG, 1, 1),
        ],
    );
    file(&[row, offsets].concat(), &entries)
}

#[test]
fn depth_and_alpha_cost_some_rows() {
    let (file, pixels) = (shared_strips(), 7000 * 7000 * 3_u64);
    let limits = |beside| Limits { max_pixels: 50_000_000, max_bytes: pixels + beside, resize_bytes: 0, copies: 1 };
    assert!(matches!(decoded_by(&file, limits(50_000), &Stop::never()), Err(Error::TooCostly { .. })));
    let soon = Stop::at(Instant::now() + Duration::from_millis(20));
    let begun = Instant::now();
    assert_eq!(decoded_by(&file, limits(1 << 20), &soon).map(drop), Err(Error::DeadlineExceeded));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[test]
fn a_window_is_a_part_of_the_price() {
    // A frame with a window of 1 GiB and no block.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 1, 0, 0];
    let entries = with(gray(1, 1), &[entry(tags::COMPRESSION, SHORT, 1, 50000)]);
    let limits = Limits { max_pixels: 100, max_bytes: 1 << 29, resize_bytes: 0, copies: 1 };
    let decoded = decoded_by(&file(&frame, &entries), limits, &Stop::never()).map(drop);
    assert!(matches!(decoded, Err(Error::TooCostly { bytes: 1_073_741_824.., .. })), "{decoded:?}");
}
