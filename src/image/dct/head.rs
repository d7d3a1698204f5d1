//! The head of a JPEG file, up to its compressed data (ITU-T T.81, annex B), read strictly: whatever is unusual is refused.

use super::huffman::Code;
use super::{Doubt, ZIGZAG_LENGTH};
use crate::image::Size;

/// The compressed data come in one scan, of one gray component or of Y, Cb and Cr.
pub(super) struct Head<'a> {
    pub(super) size: Size,
    pub(super) components: Vec<Component>,
    /// MCUs from one restart marker to the next; 0 without such markers.
    pub(super) restart_interval: u32,
    /// The codes of the DC and of the AC coefficients, by the number that a component names.
    pub(super) codes: Codes,
    /// The file from the first byte of the compressed data.
    pub(super) data: &'a [u8],
}

/// How a component is coded.
#[derive(Clone, Copy)]
pub(super) struct Component {
    /// Blocks of it in a row of an MCU.
    pub(super) across: usize,
    /// Rows of them.
    pub(super) down: usize,
    /// Steps of the quantisation, in the order of the coefficients in the file.
    pub(super) steps: [i16; ZIGZAG_LENGTH],
    /// The number of its DC code.
    pub(super) dc: usize,
    /// The number of its AC code.
    pub(super) ac: usize,
}

#[derive(Default)]
pub(super) struct Codes {
    pub(super) dc: [Option<Code>; 4],
    pub(super) ac: [Option<Code>; 4],
}

impl Head<'_> {
    /// Blocks of the first component in an MCU: across and down.
    pub(super) fn sampling(&self) -> (usize, usize) {
        (self.components[0].across, self.components[0].down)
    }
}

/// Samplings of Y against Cb and Cr, across and down.
const SAMPLINGS: [(usize, usize); 5] = [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)];

/// The markers' second bytes (T.81, table B.1).
mod marker {
    pub(super) const BASELINE: u8 = 0xc0;
    pub(super) const EXTENDED: u8 = 0xc1;
    pub(super) const HUFFMAN: u8 = 0xc4;
    pub(super) const SCAN: u8 = 0xda;
    pub(super) const QUANTISATION: u8 = 0xdb;
    pub(super) const RESTART: u8 = 0xdd;
    pub(super) const JFIF: u8 = 0xe0;
    pub(super) const ADOBE: u8 = 0xee;
    pub(super) const APPLICATION: std::ops::RangeInclusive<u8> = 0xe0..=0xef;
    pub(super) const COMMENT: u8 = 0xfe;
}

/// What the segments before the scan have said.
#[derive(Default)]
struct Reader {
    frame: Option<Frame>,
    steps: [Option<[i16; ZIGZAG_LENGTH]>; 4],
    codes: Codes,
    restart_interval: u32,
    is_jfif: bool,
    is_adobe_ycc: bool,
}

struct Frame {
    size: Size,
    components: Vec<FrameComponent>,
}

struct FrameComponent {
    id: u8,
    across: usize,
    down: usize,
    steps: usize,
}

/// Reads the head of `file`.
pub(super) fn read(file: &[u8]) -> Result<Head<'_>, Doubt> {
    let mut rest = file.strip_prefix(b"\xff\xd8").ok_or(Doubt)?;
    let mut reader = Reader::default();
    loop {
        let &[0xff, kind, high, low, ..] = rest else { return Err(Doubt) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = rest.get(4..2 + length).ok_or(Doubt)?;
        rest = &rest[2 + length..];
        match kind {
            marker::SCAN => return reader.finish(segment, rest),
            marker::BASELINE | marker::EXTENDED => reader.frame(segment)?,
            marker::HUFFMAN => reader.codes(segment)?,
            marker::QUANTISATION => reader.steps(segment)?,
            marker::RESTART => {
                let interval: [u8; 2] = segment.try_into().map_err(|_| Doubt)?;
                reader.restart_interval = u32::from(u16::from_be_bytes(interval));
            }
            marker::JFIF if segment.starts_with(b"JFIF\0") => reader.is_jfif |= segment.len() >= 14,
            marker::ADOBE if segment.starts_with(b"Adobe") => reader.adobe(segment)?,
            marker::COMMENT => {}
            kind if marker::APPLICATION.contains(&kind) => {}
            _ => return Err(Doubt),
        }
    }
}

impl Reader {
    /// Only the transform from RGB to YCbCr (1) is read.
    fn adobe(&mut self, segment: &[u8]) -> Result<(), Doubt> {
        if segment.len() >= 12 && segment[11] != 1 {
            return Err(Doubt);
        }
        self.is_adobe_ycc |= segment.len() >= 12;
        Ok(())
    }

    /// T.81, B.2.2.
    fn frame(&mut self, segment: &[u8]) -> Result<(), Doubt> {
        let &[8, h1, h2, w1, w2, count, ref parts @ ..] = segment else { return Err(Doubt) };
        if self.frame.is_some() || !matches!(count, 1 | 3) || parts.len() != usize::from(count) * 3 {
            return Err(Doubt);
        }
        let (height, width) = (u16::from_be_bytes([h1, h2]), u16::from_be_bytes([w1, w2]));
        if height == 0 || width == 0 {
            return Err(Doubt);
        }
        let components = parts.chunks_exact(3).map(|part| FrameComponent {
            id: part[0],
            across: usize::from(part[1] >> 4),
            down: usize::from(part[1] & 15),
            steps: usize::from(part[2]),
        });
        let size = Size { width: width.into(), height: height.into() };
        self.frame = Some(Frame { size, components: components.collect() });
        Ok(())
    }

    /// T.81, B.2.4.2.
    fn codes(&mut self, mut segment: &[u8]) -> Result<(), Doubt> {
        while let Some((&number, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk().ok_or(Doubt)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(Doubt)?;
            let codes = match number >> 4 {
                0 => &mut self.codes.dc,
                1 => &mut self.codes.ac,
                _ => return Err(Doubt),
            };
            let code = codes.get_mut(usize::from(number & 15)).ok_or(Doubt)?;
            *code = Some(Code::new(counts, symbols)?);
            segment = rest;
        }
        Ok(())
    }

    /// T.81, B.2.4.1. Steps of 16 bits are refused.
    fn steps(&mut self, mut segment: &[u8]) -> Result<(), Doubt> {
        while let Some((&number, rest)) = segment.split_first() {
            let (steps, rest) = rest.split_first_chunk::<ZIGZAG_LENGTH>().ok_or(Doubt)?;
            *self.steps.get_mut(usize::from(number)).ok_or(Doubt)? = Some(steps.map(i16::from));
            if steps.contains(&0) {
                return Err(Doubt);
            }
            segment = rest;
        }
        Ok(())
    }

    /// The scan's header (T.81, B.2.3): all components, in the frame's order, whole.
    fn finish<'a>(self, segment: &[u8], data: &'a [u8]) -> Result<Head<'a>, Doubt> {
        let frame = self.frame.as_ref().ok_or(Doubt)?;
        let (&count, rest) = segment.split_first().ok_or(Doubt)?;
        let (parts, rest) = rest.split_at_checked(usize::from(count) * 2).ok_or(Doubt)?;
        if rest != [0, 63, 0] || frame.components.len() != usize::from(count) || !self.is_expected(frame) {
            return Err(Doubt);
        }
        let components = frame.components.iter().zip(parts.chunks_exact(2)).map(|(component, part)| {
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            let are_known = matches!((self.codes.dc.get(dc), self.codes.ac.get(ac)), (Some(Some(_)), Some(Some(_))));
            let steps = self.steps.get(component.steps).copied().flatten().ok_or(Doubt)?;
            // A scan of one component has MCUs of one block, whatever its sampling (T.81, A.2.2).
            let (across, down) = if count == 1 { (1, 1) } else { (component.across, component.down) };
            if component.id != part[0] || !are_known {
                return Err(Doubt);
            }
            Ok(Component { across, down, steps, dc, ac })
        });
        let components = components.collect::<Result<_, _>>()?;
        Ok(Head { size: frame.size, components, restart_interval: self.restart_interval, codes: self.codes, data })
    }

    /// Whether the sampling is a usual one and the colours are gray or YCbCr, by the rules of libjpeg's
    /// `default_decompress_parms`.
    fn is_expected(&self, frame: &Frame) -> bool {
        match &frame.components[..] {
            [gray] => (1..=4).contains(&gray.across) && (1..=4).contains(&gray.down),
            [y, cb, cr] => {
                let is_ycc = self.is_jfif || self.is_adobe_ycc || [y.id, cb.id, cr.id] == [1, 2, 3];
                let is_whole = |component: &FrameComponent| (component.across, component.down) == (1, 1);
                is_ycc && SAMPLINGS.contains(&(y.across, y.down)) && is_whole(cb) && is_whole(cr)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
