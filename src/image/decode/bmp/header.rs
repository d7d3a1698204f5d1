//! The header of a bitmap, its bit masks and its palette.

use super::rows;
use crate::error::Error;
use crate::image::decode::little_endian::{u16_at, u32_at};
use crate::image::formats::BITMAP_HEADERS;

/// The size of `BITMAPCOREHEADER`, whose fields are shorter than those of all others.
const CORE: u32 = 12;

/// The size of the first header that holds masks for red, green and blue, and of the first one with a mask for alpha.
const WITH_MASKS: u32 = 52;
const WITH_ALPHA_MASK: u32 = 56;

/// Values of the field `biCompression`.
const RAW: u32 = 0;
const RUNS_OF_BYTES: u32 = 1;
const RUNS_OF_NIBBLES: u32 = 2;
const BIT_FIELDS: u32 = 3;
const JPEG: u32 = 4;
const PNG: u32 = 5;

/// The most colours that a header may state, as for Pillow. Those behind the last index are not used.
const MAX_COLOURS: u32 = 65_536;

/// A colour for each index. Those that the file lacks are black.
pub(super) type Palette = [[u8; 3]; 256];

/// How pixels are stored.
pub(super) enum Layout {
    /// Palette indices of so many bits: 1, 4 or 8.
    Indices(u16),
    /// Colours, which the function unpacks from a row to RGB.
    Colours(fn(&[u8], &mut [u8])),
    /// Run-length encoded indices, of four bits if `nibbles` is set, else of eight.
    RunLengths { nibbles: bool },
}

/// A bitmap, without its pixels.
pub(in crate::image::decode) struct Bitmap {
    /// Pixels a row.
    pub(in crate::image::decode) width: u32,
    /// Rows; in an icon, those of the picture and as many of a mask.
    pub(in crate::image::decode) height: u32,
    /// Whether the first row in the file is the topmost.
    pub(super) top_down: bool,
    /// Bits a pixel, on which the length of a row depends.
    pub(super) bits: u16,
    pub(super) layout: Layout,
    pub(super) palette: Palette,
    /// Whether every colour of the palette is the gray that its index stands for.
    pub(in crate::image::decode) is_gray: bool,
    /// Where the pixels begin in the file.
    pub(in crate::image::decode) data: usize,
}

/// The fields of a header that matter here.
struct Header {
    size: u32,
    width: u32,
    height: u32,
    top_down: bool,
    bits: u16,
    compression: u32,
    /// Colours in the palette; 0 for as many as there are indices.
    colours: u32,
}

impl Bitmap {
    /// Reads the header that begins at the byte `at`. `data` is where the pixels begin as the file header states it; 0 if
    /// it states nothing, so that they follow the palette.
    pub(in crate::image::decode) fn read(file: &[u8], at: usize, data: u32) -> Result<Self, Error> {
        let bytes = file.get(at..).unwrap_or_default();
        let header = Header::read(bytes)?;
        let Header { width, height, top_down, bits, .. } = header;
        let after = header.size as usize + if header.has_masks_behind() { 12 } else { 0 };
        let mut bitmap = Self {
            width,
            height,
            top_down,
            bits,
            layout: header.layout(bytes)?,
            palette: [[0; 3]; 256],
            is_gray: false,
            data: 0,
        };
        let mut end = after;
        let mut stated = data as usize;
        if bits <= 8 {
            let (colours, entry) = (header.colours(), header.bytes_per_colour());
            let length = colours as usize * entry;
            let palette = bytes.get(after..).unwrap_or_default();
            let palette = &palette[..palette.len().min(length)];
            bitmap.read_palette(palette, colours, entry)?;
            end = after + palette.len();
            // Where the pixels are said to begin right behind the header, Pillow expects them behind the palette.
            if stated == at + header.size as usize && data != 0 {
                stated += length;
            }
        }
        bitmap.data = if data == 0 { at + end } else { stated };
        Ok(bitmap)
    }

    /// Reads a palette of `colours` entries, some of which may be missing. Pillow takes one that is a gray ramp for no palette
    /// at all, and then shows every index as a gray value. Two colours that are black and white are bits.
    fn read_palette(&mut self, stored: &[u8], colours: u32, entry: usize) -> Result<(), Error> {
        let steps = if colours == 2 { 255 } else { 1 };
        let is_gray = |index: u32| {
            let gray = (index * steps).to_le_bytes()[0];
            stored.get(index as usize * entry..).is_some_and(|stored| stored.starts_with(&[gray; 3]))
        };
        if colours > MAX_COLOURS {
            return Err(Error::DamagedImage);
        }
        self.is_gray = (0..colours).all(is_gray);
        if self.is_gray {
            let is_bits = colours <= 2;
            for (index, colour) in (0_u8..=255).zip(&mut self.palette) {
                *colour = [if is_bits && index > 0 { 255 } else { index }; 3];
            }
            if let Layout::Indices(bits) = &mut self.layout {
                *bits = if is_bits { 1 } else { 8 };
            }
            return Ok(());
        }
        if stored.len() / entry > self.palette.len() {
            return Err(Error::DamagedImage);
        }
        for (colour, stored) in self.palette.iter_mut().zip(stored.chunks_exact(entry)) {
            *colour = [stored[2], stored[1], stored[0]];
        }
        Ok(())
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let size = u32_at(bytes, 0)?;
        if !BITMAP_HEADERS.contains(&size) || bytes.len() < size as usize {
            return Err(Error::DamagedImage);
        }
        if size == CORE {
            let (width, height) = (u16_at(bytes, 4)?.into(), u16_at(bytes, 6)?.into());
            let bits = u16_at(bytes, 10)?;
            return Ok(Self { size, width, height, top_down: false, bits, compression: RAW, colours: 0 });
        }
        // The field is signed. As for Pillow, only a small negative number counts as negative.
        let height = u32_at(bytes, 8)?;
        let top_down = height >= 0xff00_0000;
        Ok(Self {
            size,
            width: u32_at(bytes, 4)?,
            height: if top_down { height.wrapping_neg() } else { height },
            top_down,
            bits: u16_at(bytes, 14)?,
            compression: u32_at(bytes, 16)?,
            colours: u32_at(bytes, 32)?,
        })
    }

    /// Whether three masks lie between the header and the palette.
    fn has_masks_behind(&self) -> bool {
        self.compression == BIT_FIELDS && self.size < WITH_MASKS
    }

    fn colours(&self) -> u32 {
        if self.colours == 0 { 1 << self.bits.min(8) } else { self.colours }
    }

    fn bytes_per_colour(&self) -> usize {
        if self.size == CORE { 3 } else { 4 }
    }

    /// How the pixels are stored, for the combinations of depth, compression and masks that Pillow reads.
    fn layout(&self, bytes: &[u8]) -> Result<Layout, Error> {
        let unsupported = |kind| Err(Error::UnsupportedImage { kind });
        let layout = match self.bits {
            1 | 4 | 8 => Layout::Indices(self.bits),
            16 => Layout::Colours(rows::fields::<5>),
            24 => Layout::Colours(rows::bytes::<3, 2, 1, 0>),
            32 => Layout::Colours(rows::bytes::<4, 2, 1, 0>),
            _ => return unsupported("BMP of this bit depth"),
        };
        match (self.compression, self.bits) {
            (RAW, _) => {}
            (BIT_FIELDS, _) => return self.masked(bytes),
            (RUNS_OF_BYTES | RUNS_OF_NIBBLES, 1 | 4 | 8) => {
                return Ok(Layout::RunLengths { nibbles: self.compression == RUNS_OF_NIBBLES });
            }
            (JPEG, _) => return unsupported("BMP with a JPEG inside"),
            (PNG, _) => return unsupported("BMP with a PNG inside"),
            _ => return unsupported("BMP with this compression"),
        }
        Ok(layout)
    }

    /// The layout that the masks state. Only whole bytes, and the two usual layouts of 16 bits, are read.
    fn masked(&self, bytes: &[u8]) -> Result<Layout, Error> {
        let mask = |index: usize| u32_at(bytes, 40 + 4 * index);
        let alpha = if self.size >= WITH_ALPHA_MASK { mask(3)? } else { 0 };
        Ok(Layout::Colours(match (self.bits, [mask(0)?, mask(1)?, mask(2)?], alpha) {
            (16, [0xf800, 0x7e0, 0x1f], _) => rows::fields::<6>,
            (16, [0x7c00, 0x3e0, 0x1f], _) => rows::fields::<5>,
            (24, [0xff_0000, 0xff00, 0xff], _) => rows::bytes::<3, 2, 1, 0>,
            (32, [0, 0, 0], 0) | (32, [0xff_0000, 0xff00, 0xff], 0 | 0xff00_0000) => rows::bytes::<4, 2, 1, 0>,
            (32, [0xff00_0000, 0xff_0000, 0xff00], 0 | 0xff) => rows::bytes::<4, 3, 2, 1>,
            (32, [0xff00_0000, 0xff00, 0xff], 0 | 0xff_0000) => rows::bytes::<4, 3, 1, 0>,
            (32, [0xff, 0xff00, 0xff_0000], 0xff00_0000) => rows::bytes::<4, 0, 1, 2>,
            _ => return Err(Error::UnsupportedImage { kind: "BMP with these bit masks" }),
        }))
    }
}
