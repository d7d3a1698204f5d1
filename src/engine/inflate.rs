//! Compressed payloads.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{Error, Malformed};
use crate::memory;
use crate::stop::{Reader, Stop};

/// Bytes that are inflated, or read, before the deadline is checked again.
const STEP: usize = 64 << 10;

/// How a payload is compressed (the content codings of RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not compressed.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950; bare RFC 1951 is read as well, which some clients send under this name.
    Deflate,
}

/// Inflates `bytes` into `buffer`, replacing what was there: at most `limit` bytes.
///
/// # Errors
/// [`Error::PayloadTooLarge`] past the limit, [`Malformed::NotCompressed`] for damaged data, [`Error::OutOfMemory`], and
/// what [`Stop::check`] returns.
pub fn inflate<'b>(
    bytes: &[u8],
    coding: Coding,
    limit: usize,
    stop: &Stop,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Error> {
    buffer.clear();
    match coding {
        Coding::Identity => read(bytes, limit, stop, buffer),
        // Members that are empty inflate to nothing, so that a million of them are read in one call: the reader stops.
        Coding::Gzip => read(MultiGzDecoder::new(Reader::new(bytes, stop)), limit, stop, buffer),
        // A zlib stream begins with its method, 8, in the low bits, and its two bytes are a multiple of 31 (RFC 1950).
        Coding::Deflate => {
            let is_zlib = matches!(bytes, [first, second, ..]
                if first & 15 == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31));
            read(Deflated { rest: bytes, state: Decompress::new(is_zlib), has_ended: false }, limit, stop, buffer)
        }
    }
    .map_err(|fault| match fault {
        Fault::Damaged => Malformed::NotCompressed { coding: coding.name() }.into(),
        Fault::Other(error) => error,
    })?;
    Ok(buffer)
}

enum Fault {
    Damaged,
    Other(Error),
}

fn read(mut source: impl Read, limit: usize, stop: &Stop, buffer: &mut Vec<u8>) -> Result<(), Fault> {
    loop {
        stop.check().map_err(Fault::Other)?;
        let length = buffer.len();
        memory::grow(buffer, STEP).map_err(Fault::Other)?;
        buffer.resize(length + STEP, 0);
        let Ok(read) = source.read(&mut buffer[length..]) else {
            stop.check().map_err(Fault::Other)?;
            return Err(Fault::Damaged);
        };
        buffer.truncate(length + read);
        if read == 0 {
            return Ok(());
        }
        if buffer.len() > limit {
            return Err(Fault::Other(Error::PayloadTooLarge { limit }));
        }
    }
}

/// A deflate or zlib stream. flate2's own readers take a stream that is cut short for one that is complete.
struct Deflated<'a> {
    rest: &'a [u8],
    state: Decompress,
    has_ended: bool,
}

impl Read for Deflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.has_ended {
            return Ok(0);
        }
        let (read, written) = (self.state.total_in(), self.state.total_out());
        let status = self.state.decompress(self.rest, buffer, FlushDecompress::None)?;
        let since = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        self.rest = self.rest.get(since(self.state.total_in(), read)..).unwrap_or_default();
        self.has_ended = status == Status::StreamEnd;
        match since(self.state.total_out(), written) {
            // All of the input is there, so a stream that neither ends nor goes on is cut short.
            0 if !self.has_ended => Err(io::ErrorKind::UnexpectedEof.into()),
            written => Ok(written),
        }
    }
}

impl Coding {
    /// The name in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn all(mut source: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn inflated(bytes: &[u8], coding: Coding, limit: usize) -> Result<Vec<u8>, Error> {
        let mut buffer = b"left from the last payload".to_vec();
        inflate(bytes, coding, limit, &Stop::never(), &mut buffer).map(<[u8]>::to_vec)
    }

    #[test]
    fn every_coding_gives_the_bytes() {
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(|number| number.wrapping_mul(number).to_le_bytes()).collect();
        let fast = Compression::fast();
        let gzip = all(GzEncoder::new(&bytes[..], fast));
        assert_eq!(inflated(&gzip, Coding::Gzip, bytes.len()).as_ref(), Ok(&bytes));
        assert_eq!(
            inflated(&all(ZlibEncoder::new(&bytes[..], fast)), Coding::Deflate, bytes.len()).as_ref(),
            Ok(&bytes)
        );
        let bare = all(DeflateEncoder::new(&bytes[..], fast));
        assert_eq!(inflated(&bare, Coding::Deflate, bytes.len()).as_ref(), Ok(&bytes));
        // Two members, one after the other (RFC 1952, section 2.2).
        assert_eq!(inflated(&[&gzip[..], &gzip].concat(), Coding::Gzip, usize::MAX).unwrap().len(), 2 * bytes.len());
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = all(GzEncoder::new(&vec![0; 50_000_000][..], Compression::best()));
        assert_eq!(inflated(&bomb, Coding::Gzip, 1_000_000), Err(Error::PayloadTooLarge { limit: 1_000_000 }));
    }

    #[test]
    fn empty_members_stop_at_the_deadline() {
        let members = all(GzEncoder::new(&b""[..], Compression::fast())).repeat(500_000);
        let soon = Stop::at(std::time::Instant::now() + std::time::Duration::from_millis(1));
        let stopped = inflate(&members, Coding::Gzip, 1000, &soon, &mut Vec::new()).map(<[u8]>::to_vec);
        assert_eq!(stopped, Err(Error::DeadlineExceeded));
        assert_eq!(inflated(&members, Coding::Gzip, 1000), Ok(vec![]));
    }

    #[test]
    fn damaged_data_is_malformed() {
        let gzip = all(GzEncoder::new(&b"hello"[..], Compression::fast()));
        for bytes in [&gzip[..gzip.len() / 2], b"{\"a\": 1}", b""] {
            let expected = Err(Malformed::NotCompressed { coding: "gzip" }.into());
            assert_eq!(inflated(bytes, Coding::Gzip, 1000), expected, "{bytes:?}");
        }
        for encoded in [
            all(ZlibEncoder::new(&b"hello"[..], Compression::fast())),
            all(DeflateEncoder::new(&b"hello"[..], Compression::fast())),
        ] {
            let cut = inflated(&encoded[..encoded.len() - 1], Coding::Deflate, 1000);
            assert_eq!(cut, Err(Malformed::NotCompressed { coding: "deflate" }.into()), "{encoded:?}");
        }
        let late = Stop::at(std::time::Instant::now());
        let stopped = inflate(&gzip, Coding::Gzip, 1000, &late, &mut Vec::new()).map(<[u8]>::to_vec);
        assert_eq!(stopped, Err(Error::DeadlineExceeded));
    }
}
