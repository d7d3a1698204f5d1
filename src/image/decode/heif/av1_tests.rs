use super::av1_stream::{Sequence, summary, units};
use super::yuv::{Colours, Converter, Form, Layout, Planes};
use super::yuv_alpha::{Alpha, Division};
use crate::error::Error;
use crate::image::Size;
use crate::stop::Stop;

/// Planes in memory: a width and its samples.
struct Held([(usize, Vec<u16>); 3]);

impl Planes for Held {
    fn read(&self, plane: usize, row: usize, samples: &mut [u16]) -> Result<(), Error> {
        let (width, plane) = &self.0[plane];
        samples.copy_from_slice(plane.get(row * width..row * width + samples.len()).ok_or(Error::DamagedImage)?);
        Ok(())
    }
}

fn form(size: (u32, u32), layout: Layout, bits: u32, matrix: u16, full_range: bool) -> Form {
    let colours = Colours { primaries: 1, matrix, full_range };
    Form { size: Size { width: size.0, height: size.1 }, layout, bits, colours, has_alpha: false }
}

fn converted(form: Form, planes: [&[u16]; 3]) -> Vec<u8> {
    let (width, chroma) = (form.size.width as usize, form.layout.chroma(form.size).width as usize);
    let [y, u, v] = planes.map(<[u16]>::to_vec);
    let held = Held([(width, y), (chroma, u), (chroma, v)]);
    let mut converter = Converter::new(form).unwrap();
    let mut rgb = vec![0; form.size.pixels() * 3];
    for (y, row) in rgb.chunks_exact_mut(width * 3).enumerate() {
        converter.row(y, &held, row).unwrap();
    }
    rgb
}

#[test]
fn black_and_white_in_every_range_and_depth() {
    for matrix in [1, 2, 4, 5, 6, 7, 9, 12, 15] {
        for bits in [8, 10, 12] {
            let at = |value: u16| value << (bits - 8);
            let full = converted(
                form((2, 1), Layout::Full, bits, matrix, true),
                [&[0, at(256) - 1], &[at(128); 2], &[at(128); 2]],
            );
            assert_eq!(full, [0, 0, 0, 255, 255, 255], "{matrix} {bits}");
            let limited = converted(
                form((2, 1), Layout::Full, bits, matrix, false),
                [&[at(16), at(235)], &[at(128); 2], &[at(128); 2]],
            );
            assert_eq!(limited, [0, 0, 0, 255, 255, 255], "{matrix} {bits}");
        }
    }
}

#[test]
fn chroma_is_interpolated_between_columns_and_rows() {
    let (y, u) = ([128; 20], [128; 6]);
    // Only V differs, and only red and green follow it.
    let rgb = converted(form((5, 4), Layout::Quarter, 8, 6, true), [&y, &u, &[128, 128, 128, 128, 144, 128]]);
    let red: Vec<i32> = rgb.chunks_exact(3).map(|pixel| i32::from(pixel[0]) - 128).collect();
    // Weights of 0, 1, 3, 3 and 0 of 4 along a row, of 0, 1, 3 and 4 along a column; 16 of chroma are 22 of red.
    assert_eq!(red, [0, 0, 0, 0, 0, 0, 1, 4, 4, 0, 0, 4, 13, 13, 0, 0, 6, 17, 17, 0]);
    assert!(rgb.chunks_exact(3).all(|pixel| pixel[2] == 128));
}

/// libyuv has no function for 12 bits that interpolates, and libavif prefers one that keeps the bits if there is alpha.
#[test]
fn twelve_bits_with_alpha_take_the_nearest_chroma() {
    let plain = form((4, 1), Layout::Quarter, 12, 6, true);
    let planes: [&[u16]; 3] = [&[2048; 4], &[2048; 2], &[2048, 2304]];
    let reds = |form| converted(form, planes).chunks_exact(3).map(|pixel| pixel[0]).collect::<Vec<_>>();
    assert_eq!(reds(plain), [128, 134, 145, 150]);
    assert_eq!(reds(Form { has_alpha: true, ..plain }), [128, 128, 150, 150]);
}

#[test]
fn a_row_that_is_missing_is_an_error() {
    let form = form((2, 2), Layout::Full, 8, 6, true);
    let held = Held([(2, vec![0; 4]), (2, vec![0; 4]), (2, vec![0; 2])]);
    let mut converter = Converter::new(form).unwrap();
    let mut rgb = [0; 6];
    assert_eq!(converter.row(0, &held, &mut rgb), Ok(()));
    assert_eq!(converter.row(1, &held, &mut rgb), Err(Error::DamagedImage));
}

#[test]
fn matrices_that_libavif_refuses() {
    let is_known = |layout, bits, matrix, full| Converter::new(form((1, 1), layout, bits, matrix, full)).is_ok();
    for matrix in [3, 10, 11, 13, 14, 17, 18, 255, u16::MAX] {
        assert!(!is_known(Layout::Full, 8, matrix, true), "{matrix}");
    }
    assert!(
        is_known(Layout::Full, 8, 0, true) && is_known(Layout::Gray, 8, 0, true) && !is_known(Layout::Half, 8, 0, true)
    );
    assert!(is_known(Layout::Half, 8, 8, true) && !is_known(Layout::Half, 8, 8, false));
    assert!(is_known(Layout::Full, 10, 16, true) && !is_known(Layout::Full, 8, 16, true));
}

#[test]
fn colours_are_divided_by_alpha() {
    let mut row = [10, 100, 255, 10, 100, 255, 10, 20, 40, 1, 2, 3];
    Alpha { bits: 8, full_range: true, division: Division::Shifted }.divide(&mut row, &[255, 128, 40, 0]);
    assert_eq!(row, [10, 100, 255, 20, 200, 255, 64, 128, 255, 0, 0, 0]);
    let mut row = [100; 6];
    Alpha { bits: 10, full_range: false, division: Division::Rounded }.divide(&mut row, &[940, 64]);
    assert_eq!(row, [100, 100, 100, 0, 0, 0]);
    let mut row = [10, 100, 255, 1, 2, 3];
    Alpha { bits: 12, full_range: true, division: Division::Floating }.divide(&mut row, &[2048, 0]);
    assert_eq!(row, [20, 200, 255, 0, 0, 0]);
}

/// Bits from a text of zeros and ones; spaces are ignored.
fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
    bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(at, bit)| bit << (7 - at)).sum()).collect()
}

/// A unit with a size.
fn unit(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

/// A reduced sequence header of a picture of 61 x 43 pixels in 8 bits 4:2:0, without colours.
fn header() -> Vec<u8> {
    bits("000 1 1 00000 0101 0101 111100 101010 000 000 0 0 0 1 00 0 0")
}

#[test]
fn a_sequence_header_is_read() {
    let found =
        summary(&[unit(2, b""), unit(1, &header()), unit(6, b"frame"), unit(3, b"")].concat(), &Stop::never()).unwrap();
    let colours = Colours { primaries: 2, matrix: 2, full_range: true };
    let most = Size { width: 61, height: 43 };
    assert_eq!(found.sequence, Sequence { most, layout: Layout::Quarter, bits: 8, colours, has_grain: false });
    assert_eq!(found.frames, 2);
}

#[test]
fn streams_without_a_sequence_header_or_with_two_are_damaged() {
    let mut other = header();
    other[2] ^= 1;
    for stream in [
        Vec::new(),
        unit(6, b"frame"),
        unit(1, b""),
        [unit(1, &header()), unit(1, &other)].concat(),
        [vec![0x32, 200], unit(1, &header())].concat(),
        [vec![0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], unit(1, &header())].concat(),
    ] {
        assert_eq!(summary(&stream, &Stop::never()).map(drop), Err(Error::DamagedImage), "{}", stream.escape_ascii());
    }
    let twice = [unit(1, &header()), unit(1, &header()), vec![0x32, 200]].concat();
    assert_eq!(summary(&twice, &Stop::never()).map(|found| found.frames), Ok(0));
}

#[test]
fn units_are_as_long_as_they_say_or_reach_to_the_end() {
    let lengths = |stream: &[u8]| units(stream).map(|unit| unit.bytes.len()).collect::<Vec<_>>();
    assert_eq!(lengths(&[0x12, 0, 0x32, 0x81, 0x00, 7, 0x30, 1, 2]), [2, 4, 3]);
    // With an extension: the spatial layer.
    assert_eq!(units(&[0x36, 0x28, 1, 9]).map(|unit| unit.layer).collect::<Vec<_>>(), [1]);
    assert_eq!(lengths(&[0x12, 0, 0x12, 1]), [2]);
}
