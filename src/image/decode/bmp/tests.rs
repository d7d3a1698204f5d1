use super::*;
use crate::image::decode::Limits;
use crate::stop::Stop;

const LIMITS: Limits = Limits { max_pixels: 50_000_000, max_bytes: 640_000_000, resize_bytes: 720, copies: 1 };

/// A `BITMAPINFOHEADER` and what follows it, as a DIB.
fn dib(width: u32, height: i32, bits: u16, compression: u32, rest: &[u8]) -> Vec<u8> {
    let mut file = 40_u32.to_le_bytes().to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([1, 0]);
    file.extend(bits.to_le_bytes());
    file.extend(compression.to_le_bytes());
    file.resize(40, 0);
    file.extend(rest);
    file
}

fn decoded(file: &[u8]) -> Result<(Size, Vec<u8>), Error> {
    let mut pixels = Vec::new();
    let size = decode_dib(&Source { file, limits: LIMITS, stop: &Stop::never() }, &mut pixels)?;
    Ok((size, pixels))
}

/// 256 colours, of which each has its index as red.
fn palette() -> Vec<u8> {
    (0..=255).flat_map(|index| [9, 8, index, 0]).collect()
}

fn reds(height: i32, compression: u32, runs: &[u8]) -> Result<Vec<u8>, Error> {
    let file = dib(4, height, 8, compression, &[&palette(), runs].concat());
    decoded(&file).map(|(_, pixels)| pixels.chunks_exact(CHANNELS).map(|pixel| pixel[0]).collect())
}

// 17 of 31, 33 of 63 and 30 of 31; then 31 and 1 of 31 behind a bit that is not used.
#[test]
fn values_of_five_and_six_bits_are_scaled_and_rounded_down() {
    let masks = [0xf800_u32, 0x7e0, 0x1f].map(u32::to_le_bytes).concat();
    let stored = ((0x11_u16 << 11) | (0x21 << 5) | 0x1e).to_le_bytes();
    let file = dib(1, 1, 16, 3, &[masks, stored.to_vec()].concat());
    assert_eq!(decoded(&file).unwrap().1, [139, 133, 246]);
    let stored = ((1_u16 << 15) | (0x1f << 10) | (1 << 5)).to_le_bytes();
    assert_eq!(decoded(&dib(1, 1, 16, 0, &stored)).unwrap().1, [255, 8, 0]);
}

#[test]
fn what_runs_leave_out_has_the_first_colour() {
    // A run, an early end of the row, a delta to the right and up, two single pixels.
    let runs = [2, 7, 0, 0, 0, 2, 1, 1, 0, 3, 5, 6, 4, 0];
    assert_eq!(reds(-3, 1, &runs), Ok(vec![7, 7, 0, 0, 0, 0, 0, 0, 0, 5, 6, 4]));
    assert_eq!(reds(3, 1, &runs), Ok(vec![0, 5, 6, 4, 0, 0, 0, 0, 7, 7, 0, 0]));
    // The same in nibbles. The fourth one is padding, and so is the byte behind.
    let runs = [3, 0x78, 0, 0, 0, 2, 1, 1, 0, 3, 0x56, 0x4f];
    assert_eq!(reds(-3, 2, &runs), Ok(vec![7, 8, 7, 0, 0, 0, 0, 0, 0, 5, 6, 4]));
}

#[test]
fn a_run_ends_with_its_row() {
    assert_eq!(reds(-2, 1, &[9, 7, 9, 6, 0, 0, 4, 5]), Ok(vec![7, 7, 7, 7, 5, 5, 5, 5]));
    assert_eq!(reds(-2, 1, &[4, 7, 0, 1]), Err(Error::DamagedImage));
    assert_eq!(reds(-2, 1, &[4, 7, 0, 0]), Err(Error::DamagedImage));
}

#[test]
fn a_header_that_lies_takes_no_memory() {
    for (bits, compression) in [(1, 0), (8, 0), (16, 0), (24, 0), (32, 0)] {
        let file = dib(7000, 7000, bits, compression, &[0; 5000]);
        let mut pixels = Vec::new();
        let source = Source { file: &file, limits: LIMITS, stop: &Stop::never() };
        assert_eq!(decode_dib(&source, &mut pixels), Err(Error::DamagedImage));
        assert_eq!(pixels.capacity(), 0, "{bits} bits");
    }
}

#[test]
fn what_pillow_does_not_read_has_a_name() {
    let refused = |bits, compression| match decoded(&dib(4, 4, bits, compression, &[1; 2000])) {
        Err(Error::UnsupportedImage { kind }) => kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(2, 0), "BMP of this bit depth");
    assert_eq!(refused(24, 1), "BMP with this compression");
    assert_eq!(refused(32, 3), "BMP with these bit masks");
    assert_eq!(refused(8, 3), "BMP with these bit masks");
    assert_eq!((refused(24, 4), refused(24, 5)), ("BMP with a JPEG inside", "BMP with a PNG inside"));
}

#[test]
fn sizes_are_checked() {
    assert_eq!(decoded(&dib(0, 4, 24, 0, &[])), Err(Error::DamagedImage));
    assert_eq!(decoded(&dib(4, 0, 24, 0, &[])), Err(Error::DamagedImage));
    assert!(matches!(decoded(&dib(70_000, 1, 24, 0, &[])), Err(Error::SideTooLong { .. })));
    assert!(matches!(decoded(&dib(1, i32::MIN, 24, 0, &[])), Err(Error::SideTooLong { .. })));
    assert!(matches!(decoded(&dib(60_000, 60_000, 24, 0, &[])), Err(Error::TooManyPixels { .. })));
}
