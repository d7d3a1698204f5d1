//! The chunks of a PNG (PNG, section 5.3), and its image data as a file of nothing else for the crate `png`.

use std::io::{self, BufRead, Chain, Cursor, Read, Seek, SeekFrom};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::header::{Colours, Header};
use crate::error::Error;
use crate::stop::Stop;

pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Bytes that are read before the deadline is checked again.
const STEP: usize = 64 << 10;

/// Bytes of unpacked data that are counted at a time.
const COUNTED: usize = 16 << 10;

/// A checksum that is not looked at, and the last chunk.
const END: &[u8] = b"\0\0\0\0\0\0\0\0IEND\0\0\0\0";

/// The signature, the header, and the beginning of the chunk with the image data.
const HEAD: usize = 8 + 25 + 8;

/// A chunk. The file may end inside it.
pub(super) struct Chunk<'a> {
    pub(super) kind: [u8; 4],
    pub(super) data: &'a [u8],
    checksum: Option<u32>,
}

impl Chunk<'_> {
    /// Whether the chunk is complete and its checksum right.
    pub(super) fn is_sound(&self) -> bool {
        let mut crc = Crc::new();
        crc.update(&self.kind);
        crc.update(self.data);
        self.checksum == Some(crc.sum())
    }
}

/// The chunks of a file, up to its end.
#[derive(Clone)]
pub(super) struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    pub(super) fn of(file: &'a [u8]) -> Self {
        Self(file.get(SIGNATURE.len()..).unwrap_or_default())
    }

    /// Whether the checksum of each chunk with image data is right.
    pub(super) fn is_sound(&self) -> bool {
        self.clone().take_while(|chunk| chunk.kind == *b"IDAT").all(|chunk| chunk.is_sound())
    }

    /// The image data: that of the chunks of its kind up to the first of another kind.
    fn image_data(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.clone().take_while(|chunk| chunk.kind == *b"IDAT").map(|chunk| chunk.data)
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (data, rest) = rest.split_at(length.min(rest.len()));
        let (checksum, rest) = rest.split_first_chunk().map_or((None, &[][..]), |(sum, rest)| (Some(*sum), rest));
        self.0 = rest;
        Some(Chunk { kind: *kind, data, checksum: checksum.map(u32::from_be_bytes) })
    }
}

/// A PNG of one header and one chunk with all the image data, made from another as it is read. Every read fails once the
/// work is to stop.
pub(super) struct Plain<'a> {
    file: Chain<Chain<Cursor<[u8; HEAD]>, Pieces<'a>>, &'static [u8]>,
}

impl<'a> Plain<'a> {
    /// The image data of a file. What it says of its form is true for the data, but a palette's indices are declared to be
    /// gray, so that no palette is needed.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] where the data is too long for one chunk.
    pub(super) fn of(header: &Header<'a>, stop: &'a Stop) -> Result<Self, Error> {
        let colour_type = match header.form.colours {
            Colours::Gray | Colours::Palette => 0,
            Colours::Rgb => 2,
            Colours::GrayAlpha => 4,
            Colours::Rgba => 6,
        };
        let length = header.data.image_data().map(<[u8]>::len).sum::<usize>();
        let length = u32::try_from(length).map_err(|_| Error::DamagedImage)?;
        let mut head = [0; HEAD];
        let parts: [&[u8]; 8] = [
            &SIGNATURE,
            b"\0\0\0\x0dIHDR",
            &header.frame.size.width.to_be_bytes(),
            &header.frame.size.height.to_be_bytes(),
            &[header.form.depth, colour_type, 0, 0, u8::from(header.is_interlaced)],
            &[0; 4],
            &length.to_be_bytes(),
            b"IDAT",
        ];
        for (place, byte) in head.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *byte;
        }
        let pieces = Pieces { chunks: header.data.clone(), piece: &[], stop };
        Ok(Self { file: Cursor::new(head).chain(pieces).chain(END) })
    }
}

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl BufRead for Plain<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.file.consume(amount);
    }
}

/// The crate asks for it, and does not use it.
impl Seek for Plain<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The image data, chunk after chunk.
struct Pieces<'a> {
    chunks: Chunks<'a>,
    piece: &'a [u8],
    stop: &'a Stop,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.fill_buf()?;
        let length = piece.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stop.check().map_err(|_| io::ErrorKind::TimedOut)?;
        while self.piece.is_empty() {
            let Some(chunk) = self.chunks.next().filter(|chunk| chunk.kind == *b"IDAT") else {
                self.chunks = Chunks(&[]);
                break;
            };
            self.piece = chunk.data;
        }
        Ok(&self.piece[..self.piece.len().min(STEP)])
    }

    fn consume(&mut self, amount: usize) {
        self.piece = self.piece.get(amount..).unwrap_or_default();
    }
}

/// What unpacking the image data comes to.
#[derive(PartialEq, Eq)]
pub(super) enum Unpacked {
    /// It ends as it should after so many bytes, and their checksum is right.
    Whole(u64),
    /// It is longer, or the file ends before it does.
    Open,
    /// It contradicts itself or its checksum.
    Damaged,
}

/// Unpacks up to `most` bytes of the image data and what ends them, only to look at the end.
///
/// # Errors
/// What [`Stop::check`] returns.
pub(super) fn unpack(header: &Header<'_>, most: u64, stop: &Stop) -> Result<Unpacked, Error> {
    let mut inflate = Decompress::new(true);
    let mut unpacked = [0; COUNTED];
    for mut piece in header.data.image_data() {
        while !piece.is_empty() {
            stop.check()?;
            let (read, written) = (inflate.total_in(), inflate.total_out());
            match inflate.decompress(piece, &mut unpacked, FlushDecompress::None) {
                Ok(Status::StreamEnd) => return Ok(Unpacked::Whole(inflate.total_out())),
                Ok(_) if inflate.total_out() <= most => {}
                Ok(_) => return Ok(Unpacked::Open),
                Err(_) => return Ok(Unpacked::Damaged),
            }
            let consumed = usize::try_from(inflate.total_in() - read).unwrap_or(usize::MAX);
            if consumed == 0 && inflate.total_out() == written {
                return Ok(Unpacked::Damaged);
            }
            piece = piece.get(consumed..).unwrap_or_default();
        }
    }
    Ok(Unpacked::Open)
}
