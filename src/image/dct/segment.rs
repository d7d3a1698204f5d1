//! The compressed data from one restart marker to the next, without the zeros that follow each 0xff (T.81, B.1.1.5).

#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use super::Doubt;

/// Bytes that are freed of their zeros at once.
const WINDOW: usize = 32 << 10;

/// Zeros behind the data, so that bits are read in words: decoding may pass the end by those of one chunk before it is asked.
const SLACK: usize = MOST_A_CHUNK + 16;

/// The most bytes that the blocks of a chunk take: a code of 16 bits and a value of 11 for each coefficient.
const MOST_A_CHUNK: usize = super::scan::BLOCKS * 64 * (16 + 11) / 8;

/// The second bytes of the restart markers.
const RESTARTS: u8 = 0xd0;

/// The bits of a segment, and those of the next ones.
pub(super) struct Segment<'a> {
    /// The file behind what the window holds.
    rest: &'a [u8],
    window: Box<[u8; WINDOW + SLACK]>,
    /// The end of the data in the window. Behind it are zeros.
    end: usize,
    /// The second byte of the marker behind the segment, once it has been met.
    marker: Option<u8>,
    pub(super) reader: Reader,
}

/// A place in the window.
#[derive(Clone, Copy, Default)]
pub(super) struct Reader {
    /// The next bits, the highest first. Those below the highest `left` are zeros, or the true ones.
    pub(super) bits: u64,
    pub(super) left: u32,
    /// The next byte that `bits` does not count.
    at: usize,
}

impl Reader {
    /// Fills `bits` up to at least 56.
    ///
    /// Bytes are read in words: F. Giesen, "Reading bits in far too many ways" (2018), variant 4.
    #[inline(always)]
    pub(super) fn fill(&mut self, window: &[u8]) -> Result<(), Doubt> {
        let word = window.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(Doubt)?;
        self.bits |= u64::from_be_bytes(*word) >> self.left;
        self.at += (63 - self.left as usize) >> 3;
        self.left |= 0x38;
        Ok(())
    }

    /// Drops the highest `count` bits, fewer than there are.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) {
        self.bits <<= count & 63;
        self.left = self.left.wrapping_sub(count);
    }

    /// Bits of the window that have been taken.
    fn position(&self) -> usize {
        self.at * 8 - self.left as usize
    }
}

impl<'a> Segment<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut segment = Self {
            rest: data,
            window: vec![0; WINDOW + SLACK].try_into().expect("the length is the array's"),
            end: 0,
            marker: None,
            reader: Reader::default(),
        };
        segment.read();
        segment
    }

    pub(super) fn window(&self) -> &[u8; WINDOW + SLACK] {
        &self.window
    }

    /// Makes sure that the window holds the next chunk, or all that is left of the segment.
    pub(super) fn provide(&mut self) {
        if self.marker.is_none() && self.end - self.reader.at.min(self.end) < MOST_A_CHUNK {
            // The bits that are in the reader already stay in the window, so that positions in it are true.
            let kept = self.reader.at.min(self.end).saturating_sub(8);
            self.window.copy_within(kept..self.end, 0);
            self.reader.at -= kept;
            self.end -= kept;
            self.read();
        }
    }

    /// Copies data into the window up to its end, or up to a marker.
    fn read(&mut self) {
        while self.end < WINDOW {
            let space = (WINDOW - self.end).min(self.rest.len());
            let plain = memchr::memchr(0xff, &self.rest[..space]).unwrap_or(space);
            self.window[self.end..self.end + plain].copy_from_slice(&self.rest[..plain]);
            self.end += plain;
            self.rest = &self.rest[plain..];
            match *self.rest {
                _ if plain == space && self.end == WINDOW => break,
                [0xff, 0, ..] => {
                    self.window[self.end] = 0xff;
                    self.end += 1;
                    self.rest = &self.rest[2..];
                }
                [0xff, marker, ..] => {
                    self.marker = Some(marker);
                    break;
                }
                // The file ends without a marker. No marker has this second byte, so none is found.
                _ => {
                    self.marker = Some(0);
                    break;
                }
            }
        }
        self.window[self.end..][..SLACK].fill(0);
    }

    /// Whether no more has been taken than there was.
    pub(super) fn check(&self) -> Result<(), Doubt> {
        if self.reader.position() <= self.end * 8 { Ok(()) } else { Err(Doubt) }
    }

    /// Goes on behind restart marker `number`, which must come next.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Doubt> {
        self.finish(RESTARTS + number % 8)?;
        self.rest = &self.rest[2..];
        (self.end, self.marker, self.reader) = (0, None, Reader::default());
        self.read();
        Ok(())
    }

    /// Checks that the segment has been read to its last byte, and that `marker` follows.
    pub(super) fn finish(&self, marker: u8) -> Result<(), Doubt> {
        let left = (self.end * 8).checked_sub(self.reader.position()).ok_or(Doubt)?;
        if self.marker == Some(marker) && left < 8 { Ok(()) } else { Err(Doubt) }
    }
}

#[cfg(test)]
mod tests;
