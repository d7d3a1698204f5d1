//! What can be read of an AV1 stream before it is decoded: its units, and its sequence header (AV1 bitstream specification,
//! sections 5.3 to 5.5).

use super::yuv::{Colours, Layout};
use crate::error::Error;
use crate::image::Size;
use crate::stop::Stop;

/// Types of units that matter here (section 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const FRAME: u8 = 6;

/// A unit of the stream: an OBU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit<'a> {
    kind: u8,
    /// The spatial layer.
    pub(super) layer: u8,
    /// The unit with its header.
    pub(super) bytes: &'a [u8],
    content: &'a [u8],
}

impl Unit<'_> {
    /// Whether the unit has a whole frame, or a part of one.
    pub(super) const fn is_frame(&self) -> bool {
        matches!(self.kind, TILE_GROUP | FRAME)
    }
}

/// The units of a stream. One that passes the end of the stream ends them.
pub(super) fn units(stream: &[u8]) -> impl Iterator<Item = Unit<'_>> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        let unit = split(rest)?;
        rest = &rest[unit.bytes.len()..];
        Some(unit)
    })
}

/// The first unit of a stream (sections 5.3.1 to 5.3.3).
fn split(stream: &[u8]) -> Option<Unit<'_>> {
    let header = *stream.first()?;
    let (has_extension, has_size) = (header & 4 != 0, header & 2 != 0);
    let begin = if has_extension { 2 } else { 1 };
    let rest = stream.get(begin..)?;
    let layer = if has_extension { stream.get(1)? >> 3 & 3 } else { 0 };
    let (length, digits) = if has_size { leb128(rest)? } else { (rest.len(), 0) };
    let begin = begin + digits;
    let end = begin.checked_add(length)?;
    Some(Unit { kind: header >> 3 & 15, layer, bytes: stream.get(..end)?, content: stream.get(begin..end)? })
}

/// A number in groups of seven bits, and the bytes that it takes (section 4.10.5).
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, index + 1));
        }
    }
    None
}

/// What a stream states of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// The largest size of a frame.
    pub(super) most: Size,
    pub(super) layout: Layout,
    pub(super) bits: u32,
    pub(super) colours: Colours,
    /// Frames may have film grain, which is added in a copy.
    pub(super) has_grain: bool,
}

/// A stream's sequence header, and how many frames it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) sequence: Sequence,
    pub(super) frames: usize,
}

/// Reads the headers of a stream. Units that can't be read are ignored, and so is what follows them.
///
/// # Errors
/// [`Error::DamagedImage`] for a stream without a sequence header, or with two different ones; what [`Stop::check`] returns.
pub(super) fn summary(stream: &[u8], stop: &Stop) -> Result<Summary, Error> {
    let (mut sequence, mut frames) = (None, 0);
    for unit in units(stream) {
        stop.check()?;
        match unit.kind {
            SEQUENCE_HEADER => {
                let header = sequence_header(unit.content).ok_or(Error::DamagedImage)?;
                if *sequence.get_or_insert(header) != header {
                    return Err(Error::DamagedImage);
                }
            }
            FRAME_HEADER | FRAME => frames += 1,
            _ => {}
        }
    }
    Ok(Summary { sequence: sequence.ok_or(Error::DamagedImage)?, frames })
}

/// Bits from the highest to the lowest of each byte.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// A number of at most 32 bits.
    fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0_u32, |number, _| Some(number << 1 | u32::from(self.bit()?)))
    }

    /// Section 4.10.3.
    fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
        }
        if zeros < 32 {
            self.number(zeros)?;
        }
        Some(())
    }
}

/// Section 5.5.1.
fn sequence_header(content: &[u8]) -> Option<Sequence> {
    let bits = &mut Bits { bytes: content, position: 0 };
    let profile = bits.number(3)?;
    bits.bit()?;
    let is_reduced = bits.bit()?;
    if is_reduced {
        bits.number(5)?;
    } else {
        skip_operating_points(bits)?;
    }
    let (width_bits, height_bits) = (bits.number(4)? + 1, bits.number(4)? + 1);
    let most = Size { width: bits.number(width_bits)? + 1, height: bits.number(height_bits)? + 1 };
    if !is_reduced && bits.bit()? {
        bits.number(7)?;
    }
    // Superblocks of 128 pixels, intra filter, intra edge filter.
    bits.number(3)?;
    if !is_reduced {
        skip_tools(bits)?;
    }
    // Super-resolution, CDEF, loop restoration.
    bits.number(3)?;
    let (layout, depth, colours) = colour_config(bits, profile)?;
    Some(Sequence { most, layout, bits: depth, colours, has_grain: bits.bit()? })
}

/// Timing, the decoder model and the operating points (sections 5.5.1, 5.5.3 to 5.5.5).
fn skip_operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.bit()? {
        bits.number(32)?;
        bits.number(32)?;
        if bits.bit()? {
            bits.skip_uvlc()?;
        }
        if bits.bit()? {
            delay_bits = Some(bits.number(5)? + 1);
            bits.number(32)?;
            bits.number(10)?;
        }
    }
    let has_delays = bits.bit()?;
    for _ in 0..=bits.number(5)? {
        bits.number(12)?;
        if bits.number(5)? > 7 {
            bits.bit()?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.bit()?
        {
            bits.number(delay_bits)?;
            bits.number(delay_bits)?;
            bits.bit()?;
        }
        if has_delays && bits.bit()? {
            bits.number(4)?;
        }
    }
    Some(())
}

/// The tools of pictures that depend on others (section 5.5.1).
fn skip_tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.number(4)?;
    let has_order = bits.bit()?;
    if has_order {
        bits.number(2)?;
    }
    // Screen content tools, and integer motion vectors if there may be such tools.
    let has_screen_tools = if bits.bit()? { true } else { bits.bit()? };
    if has_screen_tools && !bits.bit()? {
        bits.bit()?;
    }
    if has_order {
        bits.number(3)?;
    }
    Some(())
}

/// Section 5.5.2.
fn colour_config(bits: &mut Bits<'_>, profile: u32) -> Option<(Layout, u32, Colours)> {
    let depth = match bits.bit()? {
        false => 8,
        true if profile == 2 && bits.bit()? => 12,
        true => 10,
    };
    let is_gray = profile != 1 && bits.bit()?;
    let code = |bits: &mut Bits<'_>| bits.number(8).and_then(|code| u16::try_from(code).ok());
    let (primaries, transfer, matrix) = if bits.bit()? { (code(bits)?, code(bits)?, code(bits)?) } else { (2, 2, 2) };
    let colours = |full_range: bool| Colours { primaries, matrix, full_range };
    if is_gray {
        return Some((Layout::Gray, depth, colours(bits.bit()?)));
    }
    // BT.709, sRGB and the identity.
    if (primaries, transfer, matrix) == (1, 13, 0) {
        bits.bit()?;
        return Some((Layout::Full, depth, colours(true)));
    }
    let full_range = bits.bit()?;
    let layout = match profile {
        0 => Layout::Quarter,
        1 => Layout::Full,
        _ if depth < 12 => Layout::Half,
        _ if !bits.bit()? => Layout::Full,
        _ if bits.bit()? => Layout::Quarter,
        _ => Layout::Half,
    };
    if layout == Layout::Quarter {
        bits.number(2)?;
    }
    // Separate quantizers for the chroma planes.
    bits.bit()?;
    Some((layout, depth, colours(full_range)))
}
