//! Strips and tiles of JPEG (Adobe's Technical Note 2 to TIFF 6.0), through libjpeg-turbo.
//!
//! What is decoded is not the strip itself: the tables that it shares with others are put before it, and an Adobe marker that
//! states what libtiff does. It converts to RGB only where the directory states YCbCr, whatever the strip says.

#![allow(clippy::cast_possible_truncation, reason = "libjpeg-turbo's constants are small")]

use turbojpeg::raw;

use super::tags::{self, Tags};
use crate::error::Error;
use crate::image::Size;
use crate::image::decode::jpeg::Opened;
use crate::memory;
use crate::stop::Stop;

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// JFIF and Adobe: both say what the colours are.
const COLOUR_MARKERS: [u8; 2] = [0xe0, 0xee];

/// Without any parameters.
const TEMPORARY: u8 = 0x01;
const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;

/// What the strips and tiles of a picture share.
pub(super) struct Jpeg<'a> {
    tables: &'a [u8],
    is_ycbcr: bool,
    samples: usize,
}

impl<'a> Jpeg<'a> {
    /// `samples` are those of a pixel in one strip or tile.
    pub(super) fn of(tags: &Tags<'a>, samples: usize) -> Result<Self, Error> {
        if !matches!(samples, 1 | 3 | 4) {
            return Err(Error::UnsupportedImage { kind: "TIFF with JPEG of this number of samples" });
        }
        let tables = tags.list(tags::JPEG_TABLES).map(|list| list.bytes()).unwrap_or_default();
        let is_ycbcr = tags.number(tags::PHOTOMETRIC) == Some(6) && samples == 3;
        Ok(Self { tables, is_ycbcr, samples })
    }

    /// A file of its own for the strip or tile `data`.
    pub(super) fn file(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let transform = match self.samples {
            3 => u8::from(self.is_ycbcr),
            _ => 0,
        };
        let mut file = Vec::new();
        memory::reserve(&mut file, self.tables.len().saturating_add(data.len()).saturating_add(64))?;
        file.extend_from_slice(&[0xff, START_OF_IMAGE, 0xff, 0xee, 0, 14]);
        file.extend_from_slice(b"Adobe\0\x64\0\0\0\0");
        file.push(transform);
        copy_head(self.tables, &mut file);
        let scans = copy_head(data, &mut file);
        file.extend_from_slice(scans);
        // Data that ends too early is gray from there on, as in libtiff.
        file.extend_from_slice(&[0xff, END_OF_IMAGE]);
        Ok(file)
    }

    /// The size that `file` states, and the bytes that decoding it takes beside its pixels, at most. It is at least as high as
    /// the strip or tile: a last strip may be as high as the others.
    pub(super) fn price(&self, file: &[u8], block: Size) -> Result<(Size, u64), Error> {
        let opened = Opened::read_header(file)?;
        let samples = match opened.colours {
            raw::TJCS_TJCS_GRAY => 1,
            raw::TJCS_TJCS_CMYK | raw::TJCS_TJCS_YCCK => 4,
            _ => 3,
        };
        let size = opened.size;
        if samples != self.samples || size.width != block.width || size.height < block.height {
            return Err(Error::DamagedImage);
        }
        Ok((size, opened.cost().saturating_add(file.len() as u64)))
    }

    /// Decodes `file` into `pixels`, at the size that it states. A gray one becomes RGB with `as_rgb`. Returns the number of
    /// bytes of a pixel.
    pub(super) fn decode(&self, file: &[u8], as_rgb: bool, stop: &Stop, pixels: &mut Vec<u8>) -> Result<usize, Error> {
        let opened = Opened::read_header(file)?;
        opened.limit_scans(stop)?;
        let (format, channels) = match self.samples {
            1 if !as_rgb => (raw::TJPF_TJPF_GRAY, 1),
            4 => (raw::TJPF_TJPF_CMYK, 4),
            _ => (raw::TJPF_TJPF_RGB, 3),
        };
        opened.decompress(format, channels, pixels)?;
        Ok(channels)
    }
}

/// Appends the segments of `data` up to its first scan to `file`, but those about colours, and returns the rest.
fn copy_head<'a>(data: &'a [u8], file: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = data;
    loop {
        match rest {
            [0xff, 0xff, ..] => rest = &rest[1..],
            [0xff, START_OF_IMAGE | END_OF_IMAGE | TEMPORARY, ..] => rest = &rest[2..],
            [0xff, marker, ..] if RESTARTS.contains(marker) => rest = &rest[2..],
            [0xff, START_OF_SCAN, ..] => return rest,
            [0xff, marker, high, low, ..] => {
                let length = 2 + usize::from(u16::from_be_bytes([*high, *low]));
                let Some((segment, behind)) = rest.split_at_checked(length) else { return &[] };
                if !COLOUR_MARKERS.contains(marker) {
                    file.extend_from_slice(segment);
                }
                rest = behind;
            }
            // A stray byte between segments, which libjpeg-turbo skips as well.
            [_, behind @ ..] => rest = behind,
            [] => return &[],
        }
    }
}
