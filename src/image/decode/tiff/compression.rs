//! The compressions of TIFF. Each is read as a stream, row by row: a strip may be as large as the picture.

use std::io::{self, BufRead, Cursor, Read};

use flate2::bufread::ZlibDecoder;
use weezl::{BitOrder, LzwStatus};

use super::fax::{Coding, Fax};
use super::input::Input;
use super::packbits::PackBits;
use super::tags::{self, Tags};
use crate::error::Error;
use crate::stop::Stop;

/// How strips or tiles are compressed (TIFF 6.0, `Compression`, and its supplements).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// CCITT Group 3 codes of one dimension in whole bytes for each row.
    Runs,
    Group3,
    Group4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
    Zstandard,
}

/// Bytes that a decompressor takes beside its window, at most.
const DECOMPRESSOR: u64 = 256 << 10;

/// The beginning of a frame (RFC 8878, section 3.1.1).
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Compression {
    pub(super) fn of(tags: &Tags<'_>) -> Result<Self, Error> {
        let kind = match tags.number(tags::COMPRESSION).unwrap_or(1) {
            1 => return Ok(Self::None),
            2 => return Ok(Self::Runs),
            3 if tags.number(tags::T4_OPTIONS).unwrap_or(0) & 1 == 0 => return Ok(Self::Group3),
            4 => return Ok(Self::Group4),
            5 => return Ok(Self::Lzw),
            7 => return Ok(Self::Jpeg),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            50000 => return Ok(Self::Zstandard),
            3 => "TIFF with CCITT Group 3 compression of two dimensions",
            32771 => "TIFF with CCITT run-length compression in words",
            6 => "TIFF with old-style JPEG compression",
            32809 => "TIFF with ThunderScan compression",
            34676 | 34677 => "TIFF with LogLuv compression",
            34712 => "TIFF with JPEG 2000 compression",
            34925 => "TIFF with LZMA compression",
            50001 => "TIFF with WebP compression",
            50002 | 52546 => "TIFF with JPEG XL compression",
            _ => "TIFF with this compression",
        };
        Err(Error::UnsupportedImage { kind })
    }

    /// Whether the predictor's tag holds. libtiff looks at it for these alone.
    pub(super) fn has_predictor(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstandard)
    }

    /// Whether the rows are of one bit a pixel.
    pub(super) fn is_bilevel(self) -> bool {
        matches!(self, Self::Runs | Self::Group3 | Self::Group4)
    }

    /// Bytes that the stream of `data` takes, at most.
    pub(super) fn cost(self, data: &[u8], is_reversed: bool) -> u64 {
        let window = match self {
            Self::Zstandard => {
                let mut head = [0; 18];
                let length = data.len().min(head.len());
                head[..length].copy_from_slice(&data[..length]);
                if is_reversed {
                    head = head.map(u8::reverse_bits);
                }
                // The window, and blocks of 128 KiB on both sides.
                window(&head).saturating_add(512 << 10)
            }
            _ => 0,
        };
        window.saturating_add(DECOMPRESSOR)
    }

    /// The stream of decompressed bytes of `data`. `width` is the number of pixels in a row, `is_reversed` whether the bits of
    /// each byte are (`FillOrder` 2). JPEG is no stream: see [`super::jpeg`].
    pub(super) fn open<'a>(
        self,
        data: &'a [u8],
        is_reversed: bool,
        width: u32,
        stop: &'a Stop,
    ) -> Result<Box<dyn Read + 'a>, Error> {
        let input = Input::new(data, is_reversed, stop);
        Ok(match self {
            Self::None if !is_reversed => Box::new(Cursor::new(data)),
            Self::None => Box::new(input),
            Self::Runs => Box::new(Fax::new(Coding::Runs, input, width)?),
            Self::Group3 => Box::new(Fax::new(Coding::Group3, input, width)?),
            Self::Group4 => Box::new(Fax::new(Coding::Group4, input, width)?),
            Self::Lzw => Box::new(Lzw::new(input)),
            Self::Deflate => Box::new(ZlibDecoder::new(input)),
            Self::PackBits => Box::new(PackBits::new(input)),
            Self::Zstandard => Box::new(zstandard(input).map_err(|_| Error::DamagedImage)?),
            Self::Jpeg => return Err(Error::Internal),
        })
    }
}

/// One frame. Its window is paid for ([`Compression::cost`]), that of a further one would not be.
fn zstandard(input: Input<'_>) -> io::Result<impl Read> {
    Ok(zstd::stream::read::Decoder::with_buffer(input)?.single_frame())
}

/// LZW as in TIFF 6.0, section 13, or as in the version before it: codes begin at the other end of a byte, and grow one code
/// later.
struct Lzw<'a> {
    input: Input<'a>,
    decoder: weezl::decode::Decoder,
}

impl<'a> Lzw<'a> {
    fn new(mut input: Input<'a>) -> Self {
        // The first code is that which clears the table. Its bits tell the versions apart, as in libtiff's tif_lzw.c.
        let is_old = matches!(input.fill_buf(), Ok([0, second, ..]) if second & 1 == 1);
        let decoder = if is_old {
            weezl::decode::Decoder::new(BitOrder::Lsb, 8)
        } else {
            weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8)
        };
        Self { input, decoder }
    }
}

impl Read for Lzw<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.input.fill_buf()?;
            let is_over = input.is_empty();
            let result = self.decoder.decode_bytes(input, bytes);
            self.input.consume(result.consumed_in);
            if result.consumed_out > 0 || bytes.is_empty() {
                return Ok(result.consumed_out);
            }
            match result.status {
                Ok(LzwStatus::Ok) if !is_over => {}
                Ok(_) => return Ok(0),
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }
}

/// The size of the window that the header of a Zstandard frame states, in bytes (RFC 8878, section 3.1.1.1).
fn window(head: &[u8; 18]) -> u64 {
    if !head.starts_with(&ZSTANDARD) {
        return 0;
    }
    let (descriptor, next) = (head[4], head[5]);
    if descriptor & 0x20 == 0 {
        let base = 1_u64 << (10 + u32::from(next >> 3));
        return base + base / 8 * u64::from(next & 7);
    }
    // A single segment: the window is as large as the content.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let number = |length: usize| {
        let bytes = head[5 + dictionary..][..length].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    match descriptor >> 6 {
        0 => number(1),
        1 => number(2) + 256,
        2 => number(4),
        _ => number(8),
    }
}
