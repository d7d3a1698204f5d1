//! TGA (Truevision TGA File Format Specification, version 2.0), as Pillow reads it.
//!
//! The format has no magic number, and nearly any file could be one: it is decoded only where the client names it.

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

/// Bytes of the header.
const HEADER: usize = 18;

/// Flags of the image descriptor: the first pixel is on the right, and at the top.
const FROM_THE_RIGHT: u8 = 0x10;
const FROM_THE_TOP: u8 = 0x20;

const RUN_LENGTHS: u8 = 8;

const UNSUPPORTED: Error = Error::UnsupportedImage { kind: "This kind of TGA" };

type Rgb = [u8; CHANNELS];

/// What the header says, and the image data.
struct Header<'a> {
    size: Size,
    form: Form,
    has_run_lengths: bool,
    flags: u8,
    /// The colours of the indices; that of gray values, too, if the file has a map for them.
    colours: Option<Box<[Rgb; 256]>>,
    data: &'a [u8],
}

/// How a pixel is stored.
#[derive(Clone, Copy)]
enum Form {
    /// One bit: white where it is set.
    Bit,
    /// A gray value or an index.
    Byte,
    /// Gray and alpha.
    GrayAlpha,
    /// Five bits for each of red, green and blue.
    Fifteen,
    /// Blue, green, red; alpha behind them in pixels of four bytes.
    Bytes(usize),
}

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let header = Header::read(source)?;
    let Header { size, form, flags, .. } = header;
    let (width, height) = (size.width as usize, size.height as usize);
    let row = form.row_bytes(width);
    source.admit(size, row as u64)?;
    memory::resize(pixels, size.pixels() * CHANNELS)?;
    let mut data = header.data;
    let mut unpacked = Vec::new();
    let mut runs = Runs::default();
    if header.has_run_lengths {
        memory::zeros(&mut unpacked, row)?;
    }
    for y in 0..height {
        source.stop.check()?;
        let stored = if header.has_run_lengths {
            runs.unpack(&mut data, form.bytes(), &mut unpacked)?;
            &unpacked[..]
        } else {
            let (stored, rest) = data.split_at_checked(row).ok_or(Error::DamagedImage)?;
            data = rest;
            stored
        };
        let y = if flags & FROM_THE_TOP == 0 { height - 1 - y } else { y };
        let rgb = &mut pixels[y * width * CHANNELS..][..width * CHANNELS];
        form.convert(stored, header.colours.as_deref(), rgb);
        if flags & FROM_THE_RIGHT != 0 {
            rgb.as_chunks_mut::<CHANNELS>().0.reverse();
        }
    }
    Ok(size)
}

impl<'a> Header<'a> {
    fn read(source: &Source<'a>) -> Result<Self, Error> {
        let (header, rest) = source.file.split_first_chunk::<HEADER>().ok_or(Error::DamagedImage)?;
        let &[id, has_map, kind, first, first_high, count, count_high, map_depth, ..] = header;
        let &[.., width, width_high, height, height_high, depth, flags] = header;
        let short = |low, high| u16::from_le_bytes([low, high]);
        let size = Size { width: short(width, width_high).into(), height: short(height, height_high).into() };
        if has_map > 1 || !matches!(kind, 1..=3 | 9..=11) || !matches!(depth, 1 | 8 | 16 | 24 | 32) {
            return Err(Error::DamagedImage);
        }
        let size = source.check(size)?;
        let form = match (kind & 7, depth) {
            (1, 8) if has_map == 1 => Form::Byte,
            (3, 1) if kind & RUN_LENGTHS == 0 => Form::Bit,
            (3, 8) => Form::Byte,
            (3, 16) => Form::GrayAlpha,
            (2, 16) => Form::Fifteen,
            (2, 24) => Form::Bytes(3),
            (2, 32) => Form::Bytes(4),
            _ => return Err(UNSUPPORTED),
        };
        let mut data = rest.get(usize::from(id)..).ok_or(Error::DamagedImage)?;
        let mut colours = None;
        if has_map == 1 {
            let (first, count) = (short(first, first_high).into(), short(count, count_high).into());
            // True colours have no use for a map.
            let first = if kind & 7 == 2 { None } else { Some(first) };
            colours = map(first, count, map_depth, &mut data)?;
        }
        Ok(Self { size, form, has_run_lengths: kind & RUN_LENGTHS != 0, flags, colours, data })
    }
}

/// Reads `count` colours, of which the first has the index `first`, and the other ones are black; or passes over them.
fn map(first: Option<usize>, count: usize, depth: u8, data: &mut &[u8]) -> Result<Option<Box<[Rgb; 256]>>, Error> {
    let bytes = match depth {
        16 => 2,
        24 => 3,
        32 => 4,
        _ => return Err(UNSUPPORTED),
    };
    let (stored, rest) = data.split_at_checked(count * bytes).ok_or(Error::DamagedImage)?;
    *data = rest;
    let Some(first) = first else { return Ok(None) };
    if first + count > 256 {
        return Err(Error::DamagedImage);
    }
    let mut colours = Box::new([[0; CHANNELS]; 256]);
    for (colour, stored) in colours.iter_mut().skip(first).zip(stored.chunks_exact(bytes)) {
        *colour = match *stored {
            [low, high] => fifteen([low, high]),
            [blue, green, red, ..] => [red, green, blue],
            _ => [0; CHANNELS],
        };
    }
    Ok(Some(colours))
}

/// Pillow's arithmetic for five bits (`ImagingUnpackBGRA15Z` in Unpack.c): `value * 255 / 31`, rounded down.
fn fifteen(pixel: [u8; 2]) -> Rgb {
    let pixel = u16::from_le_bytes(pixel);
    [10, 5, 0].map(|place| u8::try_from((pixel >> place & 31) * 255 / 31).unwrap_or(u8::MAX))
}

impl Form {
    /// Bytes a pixel.
    const fn bytes(self) -> usize {
        match self {
            Self::Bit | Self::Byte => 1,
            Self::GrayAlpha | Self::Fifteen => 2,
            Self::Bytes(bytes) => bytes,
        }
    }

    fn row_bytes(self, width: usize) -> usize {
        if matches!(self, Self::Bit) { width.div_ceil(8) } else { width * self.bytes() }
    }

    fn convert(self, stored: &[u8], colours: Option<&[Rgb; 256]>, rgb: &mut [u8]) {
        let rgb = rgb.as_chunks_mut().0;
        let gray = |value: u8| colours.map_or([value; CHANNELS], |colours| colours[usize::from(value)]);
        let pairs = stored.as_chunks().0;
        match self {
            Self::Bit => {
                for (index, pixel) in rgb.iter_mut().enumerate() {
                    let byte = stored.get(index / 8).copied().unwrap_or_default();
                    *pixel = if byte << (index % 8) & 0x80 == 0 { [0; CHANNELS] } else { [u8::MAX; CHANNELS] };
                }
            }
            Self::Byte => rgb.iter_mut().zip(stored).for_each(|(pixel, value)| *pixel = gray(*value)),
            Self::GrayAlpha => rgb.iter_mut().zip(pairs).for_each(|(pixel, [value, _])| *pixel = gray(*value)),
            Self::Fifteen => rgb.iter_mut().zip(pairs).for_each(|(pixel, pair)| *pixel = fifteen(*pair)),
            Self::Bytes(bytes) => {
                for (pixel, stored) in rgb.iter_mut().zip(stored.chunks_exact(bytes)) {
                    if let [blue, green, red, ..] = *stored {
                        *pixel = [red, green, blue];
                    }
                }
            }
        }
    }
}

/// Pixels that are stored one by one, of a packet that goes on in the next row.
#[derive(Default)]
struct Runs {
    literals: usize,
}

impl Runs {
    /// Unpacks a row (TGA 2.0, "Run-length encoding"). Packets of single pixels may go on in the next row, runs may not.
    fn unpack(&mut self, data: &mut &[u8], bytes: usize, row: &mut [u8]) -> Result<(), Error> {
        let mut rest = row;
        while !rest.is_empty() {
            if self.literals > 0 {
                let length = (self.literals * bytes).min(rest.len());
                let (stored, behind) = data.split_at_checked(length).ok_or(Error::DamagedImage)?;
                let (place, next) = rest.split_at_mut(length);
                place.copy_from_slice(stored);
                (*data, rest) = (behind, next);
                self.literals -= length / bytes;
                continue;
            }
            let (&packet, behind) = data.split_first().ok_or(Error::DamagedImage)?;
            *data = behind;
            let count = usize::from(packet & 0x7f) + 1;
            if packet & 0x80 == 0 {
                self.literals = count;
                continue;
            }
            let (pixel, behind) = data.split_at_checked(bytes).ok_or(Error::DamagedImage)?;
            let (place, next) = rest.split_at_mut_checked(count * bytes).ok_or(Error::DamagedImage)?;
            place.chunks_exact_mut(bytes).for_each(|place| place.copy_from_slice(pixel));
            (*data, rest) = (behind, next);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::image::{Decoder, Limits, formats::Format};
    use crate::stop::Stop;

    const TOP: u8 = FROM_THE_TOP;

    /// A file of the kind `kind`, with a map of 24-bit colours from the index `first` on.
    fn file(
        kind: u8,
        (width, height): (u8, u8),
        depth: u8,
        flags: u8,
        map: Option<(u8, &[u8])>,
        data: &[u8],
    ) -> Vec<u8> {
        let (first, map, has_map) = map.map_or((0, &[][..], 0), |(first, map)| (first, map, 1));
        let count = u8::try_from(map.len() / 3).unwrap();
        let header = [2, has_map, kind, first, 0, count, 0, 24, 0, 0, 0, 0, width, 0, height, 0, depth, flags];
        [&header[..], b"id", map, data].concat()
    }

    fn decoded(file: &[u8]) -> Result<Vec<u8>, Error> {
        let mut pixels = vec![9; 2];
        decode(&Source { file, limits: Limits::NONE, stop: &Stop::never() }, &mut pixels).map(|_| pixels)
    }

    fn gray(kind: u8, flags: u8, data: &[u8]) -> Result<Vec<u8>, Error> {
        let pixels = decoded(&file(kind, (2, 2), 8, flags, None, data))?;
        Ok(pixels.into_iter().step_by(CHANNELS).collect())
    }

    #[test]
    fn the_first_pixel_is_in_any_corner() {
        assert_eq!(gray(3, TOP, &[1, 2, 3, 4]).unwrap(), [1, 2, 3, 4]);
        assert_eq!(gray(3, 0, &[1, 2, 3, 4]).unwrap(), [3, 4, 1, 2]);
        assert_eq!(gray(3, TOP | FROM_THE_RIGHT, &[1, 2, 3, 4]).unwrap(), [2, 1, 4, 3]);
        assert_eq!(gray(3, TOP, &[1, 2, 3]), Err(Error::DamagedImage));
    }

    #[test]
    fn every_depth() {
        let one_row =
            |kind, width, depth, data: &[u8]| decoded(&file(kind, (width, 1), depth, TOP, None, data)).unwrap();
        assert_eq!(one_row(3, 2, 1, &[0x40]), [0, 0, 0, 255, 255, 255]);
        assert_eq!(one_row(3, 2, 16, &[1, 2, 3, 4]), [1, 1, 1, 3, 3, 3]);
        assert_eq!(one_row(2, 2, 16, &[0x1f, 0x7c, 0x21, 0x84]), [255, 0, 255, 8, 8, 8]);
        assert_eq!(one_row(2, 1, 24, &[1, 2, 3]), [3, 2, 1]);
        assert_eq!(one_row(2, 1, 32, &[1, 2, 3, 4]), [3, 2, 1]);
        assert_eq!(decoded(&file(1, (1, 1), 8, TOP, None, &[1])), Err(UNSUPPORTED));
    }

    #[test]
    fn indices_have_the_colours_of_the_map_and_others_are_black() {
        let map = Some((1, &[10, 11, 12, 13, 14, 15][..]));
        let black_too = [12, 11, 10, 15, 14, 13, 0, 0, 0];
        assert_eq!(decoded(&file(1, (3, 1), 8, TOP, map, &[1, 2, 7])).unwrap(), black_too);
        // Gray has a map as well, and true colours do not need theirs.
        assert_eq!(decoded(&file(3, (3, 1), 8, TOP, map, &[1, 2, 7])).unwrap(), black_too);
        assert_eq!(decoded(&file(2, (1, 1), 24, TOP, map, &[1, 2, 3])).unwrap(), [3, 2, 1]);
        assert_eq!(decoded(&file(1, (1, 1), 8, TOP, Some((255, &[0; 6])), &[1])), Err(Error::DamagedImage));
    }

    #[test]
    fn single_pixels_go_on_in_the_next_row_and_runs_do_not() {
        assert_eq!(gray(11, TOP, &[3, 1, 2, 3, 4]).unwrap(), [1, 2, 3, 4]);
        assert_eq!(gray(11, TOP, &[0x81, 7, 5, 1, 2]).unwrap(), [7, 7, 1, 2]);
        assert_eq!(gray(11, TOP, &[0x83, 7]), Err(Error::DamagedImage));
        assert_eq!(gray(11, TOP, &[0x81, 7, 1, 1]), Err(Error::DamagedImage));
    }

    /// Files and Pillow's pixels for them; see `scripts/fixtures/simple.py`.
    #[test]
    fn every_kind_gives_pillows_pixels_and_a_changed_byte_no_panic() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tga");
        let mut decoder = Decoder::new(Limits { max_pixels: 100_000, ..Limits::NONE });
        let mut decode = |file: &[u8]| {
            let mut pixels = Vec::new();
            decoder.decode_as(Format::Tga, file, None, &Stop::never(), &mut pixels).map(|_| pixels)
        };
        let mut count = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "tga") {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let file = std::fs::read(&path).unwrap();
            let expected = folder.join("expected").join(format!("{name}.png"));
            if expected.exists() {
                assert!(decode(&file).unwrap() == ::image::open(expected).unwrap().into_rgb8().into_raw(), "{name}");
                count += 1;
            } else {
                assert_eq!(decode(&file), Err(Error::DamagedImage), "{name}");
            }
            for at in 0..file.len() {
                let mut changed = file.clone();
                changed[at] ^= 0x55;
                for file in [&changed[..], &file[..at]] {
                    assert!(
                        !matches!(decode(file), Err(Error::Internal | Error::Busy | Error::OutOfMemory)),
                        "{name} at {at}"
                    );
                }
            }
        }
        assert!(count >= 15, "only {count} files");
    }
}
