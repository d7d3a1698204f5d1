//! The chunks of a PNG before its image data (PNG, sections 5.3 and 11.2), read as Pillow reads them.
//!
//! Only what the pixels depend on is read. Other chunks cost nothing and may be damaged: text, colour profiles, gamma,
//! transparent colours. Any chunk may come before the header, and of several headers or palettes the last one counts.

use super::chunks::Chunks;
use crate::error::Error;
use crate::image::Size;

/// The chunk with which Apple's tools begin PNGs of their own: raw deflate data, blue first, with premultiplied alpha.
const APPLE: [u8; 4] = *b"CgBI";

/// Colours of a palette at most (PNG, section 11.2.2).
const MAX_COLOURS: usize = 256;

/// The kind of the samples (PNG, section 11.2.1, table 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Gray,
    Rgb,
    Palette,
    GrayAlpha,
    Rgba,
}

/// How the pixels are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) colours: Colours,
    /// Bits a sample: 1, 2, 4, 8 or 16.
    pub(super) depth: u8,
}

/// A part of the canvas, inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: Size,
}

/// What the chunks before the image data say.
pub(super) struct Header<'a> {
    pub(super) canvas: Size,
    /// The part of the canvas that the image data covers. It is the whole canvas but for a faulty animation.
    pub(super) frame: Frame,
    pub(super) form: Form,
    pub(super) is_interlaced: bool,
    /// RGB triples; the last one may be incomplete.
    pub(super) palette: &'a [u8],
    /// The chunks from the first one with image data on.
    pub(super) data: Chunks<'a>,
}

#[derive(Default)]
struct Parts<'a> {
    canvas: Option<Size>,
    form: Option<Form>,
    is_interlaced: bool,
    palette: &'a [u8],
    frame: Option<Frame>,
}

impl<'a> Header<'a> {
    /// Reads the chunks up to the image data.
    ///
    /// # Errors
    /// [`Error::UnsupportedImage`] for Apple's own kind; else [`Error::DamagedImage`].
    pub(super) fn read(file: &'a [u8]) -> Result<Self, Error> {
        let mut chunks = Chunks::of(file);
        let mut parts = Parts::default();
        loop {
            let data = chunks.clone();
            let chunk = chunks.next().ok_or(Error::DamagedImage)?;
            match chunk.kind {
                APPLE if parts.canvas.is_none() => {
                    return Err(Error::UnsupportedImage { kind: "Apple's own kind of PNG (CgBI)" });
                }
                [b'I', b'H', b'D', b'R'] if chunk.is_sound() => parts.header(chunk.data)?,
                [b'P', b'L', b'T', b'E'] if chunk.is_sound() => parts.palette(chunk.data),
                [b'f', b'c', b'T', b'L'] => parts.frame(chunk.data),
                [b'I', b'D', b'A', b'T'] => return parts.with_data(data).ok_or(Error::DamagedImage),
                // Pillow accepts any letters, digits and underscores.
                kind => {
                    let is_known = matches!(&kind, b"IHDR" | b"PLTE" | b"IEND");
                    if is_known || !kind.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                        return Err(Error::DamagedImage);
                    }
                }
            }
        }
    }

    /// Bytes of a row of `width` pixels as it is stored, without the filter's byte (PNG, section 7.2).
    pub(super) fn row_bytes(&self, width: u32) -> usize {
        let samples = match self.form.colours {
            Colours::Gray | Colours::Palette => 1,
            Colours::GrayAlpha => 2,
            Colours::Rgb => 3,
            Colours::Rgba => 4,
        };
        (width as usize).saturating_mul(samples * usize::from(self.form.depth)).div_ceil(8)
    }
}

impl<'a> Parts<'a> {
    /// IHDR (PNG, section 11.2.1). The method of compression is not looked at, and any method of interlacing is Adam7.
    fn header(&mut self, data: &[u8]) -> Result<(), Error> {
        let number = |at| number(data, at);
        let (width, height) = number(0).zip(number(4)).ok_or(Error::DamagedImage)?;
        let &[depth, colour_type, _, filter, interlace, ..] = data.get(8..).unwrap_or_default() else {
            return Err(Error::DamagedImage);
        };
        if filter != 0 {
            return Err(Error::DamagedImage);
        }
        self.canvas = Some(Size { width, height });
        self.form = Form::of(depth, colour_type).or(self.form);
        self.is_interlaced |= interlace != 0;
        Ok(())
    }

    /// PLTE (PNG, section 11.2.2). Pictures of true colour may have one, which only suggests colours to old screens.
    fn palette(&mut self, data: &'a [u8]) {
        if self.form.is_some_and(|form| form.colours == Colours::Palette) {
            self.palette = data;
        }
    }

    /// fcTL (PNG, section 11.3.6.2): the place of a frame of an animation. The first frame covers the canvas, if it is the
    /// image data; Pillow obeys a smaller one.
    fn frame(&mut self, data: &[u8]) {
        let number = |at| number(data, at);
        if let (Some(width), Some(height), Some(left), Some(top)) = (number(4), number(8), number(12), number(16)) {
            self.frame = Some(Frame { left, top, size: Size { width, height } });
        }
    }

    fn with_data(self, data: Chunks<'a>) -> Option<Header<'a>> {
        let (canvas, form) = self.canvas.zip(self.form)?;
        let fits = |start: u32, length: u32, whole: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        let is_inside = |frame: &Frame| {
            fits(frame.left, frame.size.width, canvas.width) && fits(frame.top, frame.size.height, canvas.height)
        };
        let frame = self.frame.filter(is_inside).unwrap_or(Frame { left: 0, top: 0, size: canvas });
        let Self { is_interlaced, palette, .. } = self;
        let is_long = form.colours == Colours::Palette && palette.len() / 3 > MAX_COLOURS;
        (!is_long).then_some(Header { canvas, frame, form, is_interlaced, palette, data })
    }
}

fn number(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
}

impl Form {
    fn of(depth: u8, colour_type: u8) -> Option<Self> {
        let colours = match (colour_type, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Colours::Gray,
            (2, 8 | 16) => Colours::Rgb,
            (3, 1 | 2 | 4 | 8) => Colours::Palette,
            (4, 8 | 16) => Colours::GrayAlpha,
            (6, 8 | 16) => Colours::Rgba,
            _ => return None,
        };
        Some(Self { colours, depth })
    }
}
