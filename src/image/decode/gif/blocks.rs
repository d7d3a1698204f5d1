//! The blocks of a GIF file up to the image data of its first frame.

use crate::error::Error;
use crate::image::Size;
use crate::image::decode::limits::Source;
use crate::image::decode::little_endian::u16_at;
use crate::stop::Stop;

/// Bytes that are read before the deadline is checked again.
const STEP: usize = 64 << 10;

/// Bytes of the header with the logical screen descriptor, and of an image descriptor (GIF, sections 17, 18 and 20).
const HEADER: usize = 13;
const DESCRIPTOR: usize = 9;

/// The byte with which a block begins (GIF, appendix A).
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

/// The labels of extensions.
const CONTROL: u8 = 0xf9;
const COMMENT: u8 = 0xfe;
const APPLICATION: u8 = 0xff;

/// A colour for each index. Those that a file's palette lacks are black.
pub(super) type Palette = [[u8; 3]; 256];

/// A file that is read from front to back.
pub(super) struct Reader<'a> {
    file: &'a [u8],
    at: usize,
    stop: &'a Stop,
    /// Where the deadline is checked next.
    check_at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &Source<'a>) -> Self {
        Self { file: source.file, at: 0, stop: source.stop, check_at: 0 }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        if self.at >= self.check_at {
            self.stop.check()?;
            self.check_at = self.at + STEP;
        }
        let taken = self.file.get(self.at..).and_then(|rest| rest.get(..count)).ok_or(Error::DamagedImage)?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.take(1).map(|byte| byte[0])
    }

    /// A data sub-block without its length (GIF, section 15). One of no bytes ends a list of them.
    pub(super) fn sub_block(&mut self) -> Result<&'a [u8], Error> {
        let length = self.byte()?;
        self.take(length.into())
    }

    /// The palette that `flags` announce (GIF, sections 19 and 21). Pillow takes one that is a gray ramp for no palette.
    fn palette(&mut self, flags: u8) -> Result<Option<Palette>, Error> {
        if flags & 0x80 == 0 {
            return Ok(None);
        }
        let stored = self.take(3 << ((flags & 7) + 1))?;
        let mut palette = [[0; 3]; 256];
        palette.iter_mut().zip(stored.as_chunks().0).for_each(|(colour, stored)| *colour = *stored);
        let is_ramp = (0_u8..=255).zip(stored.as_chunks().0).all(|(index, colour)| *colour == [index; 3]);
        Ok(Some(palette).filter(|_| !is_ramp))
    }
}

/// The first frame, without its image data.
pub(super) struct Frame {
    /// The logical screen and the frame on it, as one rectangle from the top left.
    pub(super) canvas: Size,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) size: Size,
    pub(super) interlaced: bool,
    pub(super) transparent: Option<u8>,
    pub(super) palette: Palette,
    /// Bits of the smallest LZW code, without the one for the codes that are no indices.
    pub(super) code_size: u8,
}

impl Frame {
    /// Reads everything before the first frame's image data. What is no block is skipped byte by byte, as Pillow does.
    pub(super) fn first(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let header = reader.take(HEADER)?;
        let canvas = Size { width: u16_at(header, 6)?.into(), height: u16_at(header, 8)?.into() };
        let palette = reader.palette(header[10])?;
        let mut transparent = None;
        loop {
            match reader.byte()? {
                EXTENSION => transparent = extension(reader)?.or(transparent),
                IMAGE => return Self::read(reader, canvas, palette.as_ref(), transparent),
                TRAILER => return Err(Error::DamagedImage),
                _ => {}
            }
        }
    }

    fn read(
        reader: &mut Reader<'_>,
        screen: Size,
        global: Option<&Palette>,
        transparent: Option<u8>,
    ) -> Result<Self, Error> {
        let descriptor = reader.take(DESCRIPTOR)?;
        let [left, top, width, height] = [0, 2, 4, 6].map(|at| u16_at(descriptor, at));
        let (left, top) = (left?, top?);
        let size = Size { width: width?.into(), height: height?.into() };
        let flags = descriptor[8];
        let local = reader.palette(flags)?;
        // Without a palette, an index is a gray value.
        let ramp = || std::array::from_fn(|index| [index.to_le_bytes()[0]; 3]);
        Ok(Self {
            canvas: Size {
                width: screen.width.max(u32::from(left) + size.width),
                height: screen.height.max(u32::from(top) + size.height),
            },
            left: left.into(),
            top: top.into(),
            size,
            interlaced: flags & 0x40 != 0,
            transparent,
            palette: local.or(global.copied()).unwrap_or_else(ramp),
            code_size: reader.byte()?,
        })
    }
}

/// Reads an extension and returns the transparent index, if it states one (GIF, sections 23 to 26).
///
/// A list of sub-blocks should end with an empty one. Where the first one is empty already, Pillow still reads another list,
/// except after a comment.
fn extension(reader: &mut Reader<'_>) -> Result<Option<u8>, Error> {
    let label = reader.byte()?;
    let block = reader.sub_block()?;
    let mut transparent = None;
    match label {
        CONTROL if !block.is_empty() => {
            let has_index = block[0] & 1 != 0;
            // Flags and the time; the index only where it is used.
            if block.len() < if has_index { 4 } else { 3 } {
                return Err(Error::DamagedImage);
            }
            transparent = block.get(3).copied().filter(|_| has_index);
        }
        COMMENT if block.is_empty() => return Ok(None),
        APPLICATION if block.starts_with(b"NETSCAPE2.0") => drop(reader.sub_block()?),
        _ => {}
    }
    while !reader.sub_block()?.is_empty() {}
    Ok(transparent)
}
