//! The turn that makes a stored picture upright.

use super::directory::Numbers;
use super::segments::segments;

/// The tag of the orientation (Exif 2.32, section 4.6.4).
const TAG: u16 = 0x0112;

/// The prefix of Exif data: always in JPEG, sometimes in WebP.
const PREFIX: &[u8] = b"Exif\0\0";

/// How the stored pixels become the upright picture.
///
/// With `transpose`, the upright picture's x axis is the stored y axis. With its `mirror`, an axis of the upright picture runs
/// against the stored one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation {
    /// The stored rows are the upright picture's columns.
    pub transpose: bool,
    /// The upright picture's x axis runs backwards through the stored pixels.
    pub mirror_x: bool,
    /// The upright picture's y axis runs backwards through the stored pixels.
    pub mirror_y: bool,
}

impl Orientation {
    /// The stored pixels are upright.
    pub const UPRIGHT: Self = Self { transpose: false, mirror_x: false, mirror_y: false };

    /// The orientation for an Exif value from 1 to 8. Any other value is upright.
    pub const fn from_exif(value: u32) -> Self {
        let (transpose, mirror_x, mirror_y) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transpose, mirror_x, mirror_y }
    }

    /// The orientation that a JPEG, PNG, WebP or TIFF file states in its Exif data. A file without readable Exif data is upright.
    pub fn read(file: &[u8]) -> Self {
        stated(file).map_or(Self::UPRIGHT, Self::from_exif)
    }
}

fn stated(file: &[u8]) -> Option<u32> {
    let exif = exif(file)?;
    let exif = exif.strip_prefix(PREFIX).unwrap_or(exif);
    let numbers = Numbers::of(exif)?;
    let entry = numbers.first_directory()?.find(|entry| entry.tag == TAG && entry.count > 0)?;
    let length = match entry.kind {
        1 => 1,
        3 => 2,
        4 => 4,
        _ => return None,
    };
    numbers.read(entry.value, length).and_then(|value| u32::try_from(value).ok())
}

/// The Exif data of a file, unparsed.
fn exif(file: &[u8]) -> Option<&[u8]> {
    match file {
        [0xff, 0xd8, ..] => jpeg_exif(file),
        [0x89, b'P', b'N', b'G', ..] => chunk(file, 8, *b"eXIf", |chunk| {
            // Length, kind, data, checksum.
            let length = u32::from_be_bytes(chunk[..4].try_into().ok()?) as usize;
            Some((chunk[4..8].try_into().ok()?, length, length.checked_add(12)?))
        }),
        [b'R', b'I', b'F', b'F', ..] => chunk(file, 12, *b"EXIF", |chunk| {
            // Kind, length, data, and a byte of padding to an even length.
            let length = u32::from_le_bytes(chunk[4..8].try_into().ok()?) as usize;
            Some((chunk[..4].try_into().ok()?, length, length.checked_add(length % 2)?.checked_add(8)?))
        }),
        [b'I', b'I', ..] | [b'M', b'M', ..] => Some(file),
        _ => None,
    }
}

/// A chunk's kind, the length of its data, and the length of the whole chunk.
type Header = ([u8; 4], usize, usize);

/// The data of the first chunk of the kind `wanted`. `header` parses the eight bytes with which each chunk begins.
fn chunk(file: &[u8], first: usize, wanted: [u8; 4], header: fn(&[u8]) -> Option<Header>) -> Option<&[u8]> {
    let mut rest = file.get(first..)?;
    while rest.len() >= 8 {
        let (kind, length, whole) = header(rest)?;
        if kind == wanted {
            return rest.get(8..8_usize.checked_add(length)?);
        }
        rest = rest.get(whole..)?;
    }
    None
}

/// The data of the first Exif segment, an APP1 (ITU-T T.81, B.1.1.4), before the first scan.
fn jpeg_exif(file: &[u8]) -> Option<&[u8]> {
    segments(file).find(|(marker, data)| *marker == 0xe1 && data.starts_with(PREFIX)).map(|(_, data)| data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of `entries`, at 8.
    fn directory(entries: &[[u8; 12]]) -> Vec<u8> {
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        [b"II*\0\x08\0\0\0".as_slice(), &count, entries.as_flattened(), &[0; 4]].concat()
    }

    fn entry(tag: u16, kind: u16, count: u32, value: u32) -> [u8; 12] {
        let mut entry = [0; 12];
        entry[..2].copy_from_slice(&tag.to_le_bytes());
        entry[2..4].copy_from_slice(&kind.to_le_bytes());
        entry[4..8].copy_from_slice(&count.to_le_bytes());
        entry[8..].copy_from_slice(&value.to_le_bytes());
        entry
    }

    fn jpeg(exif: &[u8]) -> Vec<u8> {
        let length = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
        [&b"\xff\xd8\xff\xe0\0\x04xx\xff\xe1"[..], &length, PREFIX, exif, b"\xff\xda"].concat()
    }

    #[test]
    fn in_every_container() {
        let exif = directory(&[entry(TAG, 3, 1, 6)]);
        let length = u32::try_from(exif.len()).unwrap();
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\x01IHDRx1234"[..], &length.to_be_bytes(), b"eXIf", &exif].concat();
        let webp = [&b"RIFF\0\0\0\0WEBPVP8X\x01\0\0\0x\0EXIF"[..], &length.to_le_bytes(), &exif].concat();
        for file in [exif.clone(), jpeg(&exif), png, webp] {
            assert_eq!(Orientation::read(&file), Orientation::from_exif(6), "{}", file.escape_ascii());
            for end in 0..file.len() {
                let _ = Orientation::read(&file[..end]);
            }
        }
    }

    #[test]
    fn what_states_none_is_upright() {
        let exifs = [directory(&[]), directory(&[entry(TAG, 2, 1, 6)]), directory(&[entry(TAG, 3, 1, 9)]), Vec::new()];
        for exif in exifs {
            assert_eq!(Orientation::read(&jpeg(&exif)), Orientation::UPRIGHT);
        }
    }

    /// Thousands of pointers to directories that overlap: to follow them is to read millions of entries.
    #[test]
    fn only_the_first_directory_is_read() {
        let pointer = |index: u32| entry(0x8769, 4, 1, 20 + index);
        let mut entries: Vec<[u8; 12]> = (0..5000).map(pointer).collect();
        entries.push(entry(TAG, 3, 1, 8));
        assert_eq!(Orientation::read(&directory(&entries)), Orientation::from_exif(8));
    }
}
