//! The HTTP/2 frames on a connection (RFC 9113, section 4.1), read only to know which streams are open.
//!
//! hyper reports neither when a stream's last byte has been written nor that a stream was refused before it reached
//! the service. Both are visible in the frame headers.

use std::collections::BTreeSet;

/// The first bytes that an HTTP/2 client sends (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
/// The first word of the payload: the last stream of a GOAWAY, the error code of a `RST_STREAM`.
const WORD: usize = 4;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;

/// A complete frame. `word` is the first four bytes of its payload, 0 if it is shorter.
#[derive(Clone, Copy)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    word: u32,
}

impl Frame {
    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The frames of one direction, found in bytes that come in pieces of any size.
#[derive(Debug, Default)]
struct Frames {
    kept: [u8; HEADER + WORD],
    /// Bytes in `kept`.
    have: usize,
    /// Bytes of the payload that are still to come beyond `kept`.
    left: usize,
}

impl Frames {
    /// Takes bytes up to the end of the current frame, and returns it if it is complete.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        loop {
            let wanted = if self.have < HEADER { HEADER } else { HEADER + self.length().min(WORD) };
            if self.have == wanted {
                break;
            }
            let (taken, rest) = bytes.split_at((wanted - self.have).min(bytes.len()));
            if taken.is_empty() {
                return None;
            }
            self.kept[self.have..][..taken.len()].copy_from_slice(taken);
            self.have += taken.len();
            *bytes = rest;
            if self.have == HEADER {
                self.left = self.length().saturating_sub(WORD);
            }
        }
        let skipped = self.left.min(bytes.len());
        self.left -= skipped;
        *bytes = &bytes[skipped..];
        if self.left > 0 {
            return None;
        }
        let [_, _, _, kind, flags, stream @ .., a, b, c, d] = self.kept;
        let word = if self.have == self.kept.len() { u32::from_be_bytes([a, b, c, d]) } else { 0 };
        self.have = 0;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff, word })
    }

    fn length(&self) -> usize {
        usize::from(self.kept[0]) << 16 | usize::from(self.kept[1]) << 8 | usize::from(self.kept[2])
    }

    /// Whether the current frame, which is not complete, is part of a header block.
    fn is_in_header_block(&self) -> bool {
        self.have >= HEADER && matches!(self.kept[3], HEADERS | CONTINUATION)
    }
}

/// The streams of one connection, seen from the server.
#[derive(Debug)]
pub(super) struct Streams {
    from_client: Frames,
    from_server: Frames,
    /// Streams whose head is complete and whose answer is not.
    open: BTreeSet<u32>,
    /// The stream whose header block goes on in CONTINUATION frames.
    unfinished: Option<u32>,
    /// The highest stream that the client has opened: a header block on a lower one is trailers.
    highest: u32,
    /// The highest stream that the server still answers, as its GOAWAY says.
    last: u32,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self {
            from_client: Frames::default(),
            from_server: Frames::default(),
            open: BTreeSet::new(),
            unfinished: None,
            highest: 0,
            last: u32::MAX,
        }
    }

    /// The number of streams whose head is complete and whose answer has not been written to its end.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether a header block has begun and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        self.unfinished.is_some() || self.from_client.is_in_header_block()
    }

    /// Reads bytes that the client has sent.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.from_client.next(&mut bytes) {
            match frame.kind {
                HEADERS if frame.stream > self.highest => {
                    self.highest = frame.stream;
                    self.unfinished = Some(frame.stream);
                }
                HEADERS | CONTINUATION => {}
                RST_STREAM => {
                    self.open.remove(&frame.stream);
                    continue;
                }
                _ => continue,
            }
            if frame.has(END_HEADERS)
                && let Some(stream) = self.unfinished.take()
                && stream <= self.last
            {
                self.open.insert(stream);
            }
        }
    }

    /// Reads bytes that the server has written, and returns the number of streams that they refuse as malformed.
    pub(super) fn written(&mut self, mut bytes: &[u8]) -> u64 {
        let mut refused = 0;
        while let Some(frame) = self.from_server.next(&mut bytes) {
            match frame.kind {
                DATA | HEADERS if frame.has(END_STREAM) => {
                    self.open.remove(&frame.stream);
                }
                RST_STREAM => {
                    self.open.remove(&frame.stream);
                    refused += u64::from(frame.word == PROTOCOL_ERROR);
                }
                // Later streams are ignored, without a frame that says so.
                GOAWAY => {
                    self.last = frame.word & 0x7fff_ffff;
                    self.open.retain(|stream| *stream <= self.last);
                }
                _ => {}
            }
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn a_stream_is_open_from_its_head_to_the_end_of_its_answer() {
        let mut streams = Streams::new();
        let sent = [
            frame(4, 0, 0, &[0; 12]),
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[1; 300]),
            frame(HEADERS, END_STREAM, 3, &[]),
            frame(CONTINUATION, END_HEADERS, 3, &[7]),
            frame(6, 0, 0, &[0; 8]),
        ];
        for byte in sent.concat() {
            streams.read(&[byte]);
        }
        assert_eq!(streams.open(), 2);
        let answer = [frame(HEADERS, END_HEADERS, 1, &[2; 9]), frame(DATA, END_STREAM, 1, &[0; 1000])].concat();
        assert_eq!(streams.written(&answer[..answer.len() - 1]), 0);
        assert_eq!(streams.open(), 2);
        streams.written(&answer[answer.len() - 1..]);
        assert_eq!(streams.open(), 1);
        streams.read(&frame(RST_STREAM, 0, 3, &[0, 0, 0, 8]));
        assert_eq!(streams.open(), 0);
    }

    #[test]
    fn a_header_block_that_is_not_complete() {
        let mut streams = Streams::new();
        streams.read(&frame(HEADERS, 0, 1, &[0; 8])[..12]);
        assert!(streams.is_in_head());
        streams.read(&frame(HEADERS, 0, 1, &[0; 8])[12..]);
        assert!(streams.is_in_head());
        assert_eq!(streams.open(), 0);
        streams.read(&frame(CONTINUATION, END_HEADERS, 1, &[]));
        assert!(!streams.is_in_head());
        // Trailers open nothing.
        streams.read(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &[]));
        assert_eq!(streams.open(), 1);
    }

    #[test]
    fn streams_that_the_server_refuses() {
        let mut streams = Streams::new();
        for stream in [1, 3, 5] {
            streams.read(&frame(HEADERS, END_HEADERS, stream, &[]));
        }
        assert_eq!(streams.written(&frame(RST_STREAM, 0, 1, &[0, 0, 0, 1])), 1);
        assert_eq!(streams.written(&frame(RST_STREAM, 0, 3, &[0, 0, 0, 7])), 0);
        assert_eq!(streams.open(), 1);
        streams.written(&frame(GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]));
        streams.read(&frame(HEADERS, END_HEADERS, 7, &[]));
        assert_eq!(streams.open(), 0);
    }
}
