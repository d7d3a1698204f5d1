//! The turn that makes a stored picture upright, as Pillow's `exif_transpose` finds it.

mod exif;
mod stated;

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

    /// The orientation that a JPEG, PNG, WebP or TIFF file states in its Exif data, or else in its XMP data. Others are
    /// upright.
    pub fn read(file: &[u8]) -> Self {
        stated::stated(file).map_or(Self::UPRIGHT, Self::from_exif)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: u16 = 0x0112;
    const PREFIX: &[u8] = b"Exif\0\0";

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
        let webp = [&b"RIFF\0\0\0\0WEBPVP8X\x01\0\0\0\x08\0EXIF"[..], &length.to_le_bytes(), &exif].concat();
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
