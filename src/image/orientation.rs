//! Which way up a picture is to be seen.

use std::io::Cursor;

use exif::{In, Reader, Tag};

/// How the stored pixels become the upright picture (Exif 2.32, tag 0x0112).
///
/// The upright picture's x axis is the stored y axis where `transpose` is set; an axis of the
/// upright picture runs against the stored one where its `mirror` is set.
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
    /// The stored pixels as they are.
    pub const UPRIGHT: Self = Self { transpose: false, mirror_x: false, mirror_y: false };

    /// The orientation behind an Exif value from 1 to 8; any other value is upright.
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

    /// The orientation that an image file states: JPEG, PNG, WebP or TIFF. A file that states none,
    /// or whose Exif data can't be read, is upright.
    pub fn read(file: &[u8]) -> Self {
        let exif = Reader::new()
            .continue_on_error(true)
            .read_from_container(&mut Cursor::new(file))
            .or_else(|error| error.distill_partial_result(|_| {}));
        let Ok(exif) = exif else { return Self::UPRIGHT };
        exif.get_field(Tag::Orientation, In::PRIMARY)
            .and_then(|field| field.value.get_uint(0))
            .map_or(Self::UPRIGHT, Self::from_exif)
    }
}
