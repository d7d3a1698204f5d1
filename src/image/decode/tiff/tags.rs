//! The tags of a file's first directory. Only those that the decoder asks for are read, and lists value by value: a tag of
//! any length costs nothing by itself.

use crate::error::Error;
use crate::image::Size;
use crate::image::directory::Numbers;

/// The tags that the decoder reads (TIFF 6.0, appendix A; `JPEG_TABLES`: Adobe's Technical Note 2).
pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const BITS_PER_SAMPLE: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
pub(super) const PLANAR: u16 = 284;
pub(super) const T4_OPTIONS: u16 = 292;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const COLOR_MAP: u16 = 320;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_HEIGHT: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_BYTE_COUNTS: u16 = 325;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;
pub(super) const JPEG_TABLES: u16 = 347;
pub(super) const YCBCR_COEFFICIENTS: u16 = 529;
pub(super) const YCBCR_SUBSAMPLING: u16 = 530;
pub(super) const REFERENCE_BLACK_WHITE: u16 = 532;

const WANTED: [u16; 24] = [
    WIDTH,
    HEIGHT,
    BITS_PER_SAMPLE,
    COMPRESSION,
    PHOTOMETRIC,
    FILL_ORDER,
    STRIP_OFFSETS,
    SAMPLES_PER_PIXEL,
    ROWS_PER_STRIP,
    STRIP_BYTE_COUNTS,
    PLANAR,
    T4_OPTIONS,
    PREDICTOR,
    COLOR_MAP,
    TILE_WIDTH,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_BYTE_COUNTS,
    EXTRA_SAMPLES,
    SAMPLE_FORMAT,
    JPEG_TABLES,
    YCBCR_COEFFICIENTS,
    YCBCR_SUBSAMPLING,
    REFERENCE_BLACK_WHITE,
];

/// The type of a fraction, of two numbers of four bytes (TIFF 6.0, section 2).
const RATIONAL: u16 = 5;

/// The tags of the first directory.
pub(super) struct Tags<'a> {
    numbers: Numbers<'a>,
    lists: [Option<List<'a>>; WANTED.len()],
}

/// The values of a tag, still in the file.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    numbers: Numbers<'a>,
    at: usize,
    kind: u16,
    /// Bytes of a value.
    length: usize,
    count: usize,
}

impl<'a> Tags<'a> {
    pub(super) fn read(file: &'a [u8]) -> Result<Self, Error> {
        let numbers = Numbers::of(file).ok_or(Error::DamagedImage)?;
        let mut lists = [None; WANTED.len()];
        for entry in numbers.first_directory().ok_or(Error::DamagedImage)? {
            let Some(list) = WANTED.iter().position(|tag| *tag == entry.tag) else { continue };
            // The first of several counts, as in Pillow.
            if lists[list].is_none() {
                lists[list] = length(entry.kind).and_then(|length| {
                    let at = numbers.place(&entry, length)?;
                    Some(List { numbers, at, kind: entry.kind, length, count: usize::try_from(entry.count).ok()? })
                });
            }
        }
        Ok(Self { numbers, lists })
    }

    /// The values of `tag`; `None` without any.
    pub(super) fn list(&self, tag: u16) -> Option<List<'a>> {
        let list = WANTED.iter().position(|wanted| *wanted == tag).and_then(|place| self.lists[place]);
        list.filter(|list| list.count > 0)
    }

    /// The first value of `tag`.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.list(tag)?.get(0)
    }

    /// The picture's size, unchecked.
    pub(super) fn size(&self) -> Result<Size, Error> {
        let side = |tag| self.number(tag).and_then(|side| u32::try_from(side).ok()).ok_or(Error::DamagedImage);
        Ok(Size { width: side(WIDTH)?, height: side(HEIGHT)? })
    }

    pub(super) fn is_little(&self) -> bool {
        self.numbers.is_little()
    }

    /// Whether each sample of a pixel has strips or tiles of its own (TIFF 6.0, `PlanarConfiguration`).
    pub(super) fn is_planar(&self) -> bool {
        self.number(PLANAR) == Some(2)
    }
}

impl<'a> List<'a> {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A whole number.
    pub(super) fn get(&self, index: usize) -> Option<u64> {
        let place = self.at.checked_add(index.checked_mul(self.length)?)?;
        if index >= self.count || self.kind == RATIONAL {
            return None;
        }
        self.numbers.read(place, self.length)
    }

    /// A fraction or a whole number. A denominator of 0 makes it 0, as in libtiff.
    #[expect(clippy::cast_precision_loss, reason = "libtiff keeps fractions in single precision")]
    pub(super) fn fraction(&self, index: usize) -> Option<f32> {
        if self.kind != RATIONAL {
            return self.get(index).map(|value| value as f32);
        }
        let place = self.at.checked_add(index.checked_mul(self.length)?)?;
        let (above, below) = (self.numbers.read(place, 4)?, self.numbers.read(place.checked_add(4)?, 4)?);
        (index < self.count).then_some(if below == 0 { 0.0 } else { above as f32 / below as f32 })
    }

    /// All bytes of the values.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.count.checked_mul(self.length).and_then(|length| self.numbers.bytes(self.at, length)).unwrap_or_default()
    }
}

/// The length of a value in bytes by its type (TIFF 6.0, section 2; `BigTIFF`). Types of other than numbers are not read.
fn length(kind: u16) -> Option<usize> {
    match kind {
        1 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 13 => Some(4),
        RATIONAL | 16..=18 => Some(8),
        _ => None,
    }
}
