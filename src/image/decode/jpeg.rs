//! JPEG, through libjpeg-turbo: the library that Pillow decodes with, set as Pillow sets it.

#![allow(
    unsafe_code,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "libjpeg-turbo is a C library; its constants are small"
)]

use std::ffi::c_int;

use turbojpeg::raw;

use super::{Size, fill_with_zeros};
use crate::error::Error;
use crate::stop::Stop;

/// Start of scan, and end of image: neither occurs inside a scan's compressed data.
const START_OF_SCAN: [u8; 2] = [0xff, 0xda];
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];

/// Scans times pixels that are decoded in a second; each scan goes over the whole picture. A low estimate:
/// libjpeg-turbo can't be stopped, so its work is limited by the time there is.
const SCANNED_PIXELS_A_SECOND: f64 = 100e6;

/// Encoders make some ten scans, whatever the size.
const MAX_SCANS: usize = 200;

/// What the last row holds before decoding: it can't hold both afterwards, unless nothing was written.
const MARKS: [u8; 2] = [0x5a, 0xa5];

/// A reduced picture keeps at least so many pixels for each of the model's, along both sides. Measured with
/// `scripts/check_reduction`: with six the pixels that the model sees are as near as rounding lets them be.
const PIXELS_KEPT: u32 = 6;

/// What libjpeg-turbo can reduce by at the speed of its SIMD code, the most first.
const REDUCTIONS: [u32; 3] = [8, 4, 2];

/// Decodes JPEG files; keeps its buffer for CMYK.
#[derive(Debug, Default)]
pub(super) struct Decompressor {
    /// The side that every picture is resized to, where large ones may be reduced.
    target: Option<u32>,
    cmyk: Vec<u8>,
}

impl Decompressor {
    pub(super) fn decode(
        &mut self,
        file: &[u8],
        max_pixels: u64,
        stop: &Stop,
        pixels: &mut Vec<u8>,
    ) -> Result<(Size, u32), Error> {
        let mut opened = Opened::read_header(file)?;
        let size = opened.size.check(max_pixels)?;
        opened.limit_scans(stop)?;
        let reduction = self.reduction(&opened);
        opened.reduce(reduction)?;
        if opened.colours == raw::TJCS_TJCS_CMYK || opened.colours == raw::TJCS_TJCS_YCCK {
            opened.decompress(raw::TJPF_TJPF_CMYK, 4, &mut self.cmyk)?;
            cmyk_to_rgb(&self.cmyk, pixels);
        } else {
            opened.decompress(raw::TJPF_TJPF_RGB, 3, pixels)?;
        }
        Ok((size, reduction))
    }

    pub(super) fn reducing_to(self, target: u32) -> Self {
        Self { target: Some(target), ..self }
    }

    fn reduction(&self, opened: &Opened<'_>) -> u32 {
        // A lossless file has no DCT: libjpeg-turbo writes it at its full size whatever it has been told.
        if opened.get(raw::TJPARAM_TJPARAM_LOSSLESS) != Some(0) {
            return 1;
        }
        let shorter = opened.size.width.min(opened.size.height);
        let is_enough = |side: u32| self.target.is_some_and(|target| side >= target.saturating_mul(PIXELS_KEPT));
        REDUCTIONS.into_iter().find(|reduction| is_enough(shorter / reduction)).unwrap_or(1)
    }

    /// Gives back a buffer of more than `most` bytes.
    pub(super) fn release(&mut self, most: usize) {
        if self.cmyk.capacity() > most {
            self.cmyk = Vec::new();
        }
    }
}

/// A file whose header has been read, and libjpeg-turbo's state for it.
///
/// The `turbojpeg` crate has a safe one, but it can't tell a warning from an error: it refuses the
/// many photographs with a stray byte between markers that every other program shows. The state is never used
/// for another file: after a damaged one, what is left of it may be taken for the next file's.
struct Opened<'a> {
    handle: raw::tjhandle,
    file: &'a [u8],
    size: Size,
    reduction: u32,
    colours: raw::TJCS,
}

impl<'a> Opened<'a> {
    fn read_header(file: &'a [u8]) -> Result<Self, Error> {
        // SAFETY: the argument is one of the documented values.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() {
            return Err(Error::Internal);
        }
        let mut opened = Self { handle, file, size: Size { width: 0, height: 0 }, reduction: 1, colours: 0 };
        // SAFETY: `file` is readable for its length.
        let status = unsafe { raw::tj3DecompressHeader(handle, file.as_ptr(), file.len() as raw::size_t) };
        opened.check(status)?;
        if opened.get(raw::TJPARAM_TJPARAM_PRECISION) != Some(8) {
            return Err(Error::UnsupportedImage);
        }
        let width = opened.get(raw::TJPARAM_TJPARAM_JPEGWIDTH).ok_or(Error::DamagedImage)?;
        let height = opened.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT).ok_or(Error::DamagedImage)?;
        opened.size = Size { width, height };
        opened.colours = opened.get(raw::TJPARAM_TJPARAM_COLORSPACE).ok_or(Error::UnsupportedImage)?;
        Ok(opened)
    }

    /// As many scans of a progressive file as the time is enough for: with as many as it likes there would
    /// be as much work as it likes.
    fn limit_scans(&self, stop: &Stop) -> Result<(), Error> {
        let left = stop.remaining().as_secs_f64();
        #[expect(clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "positive, and an estimate")]
        let affordable = (left * SCANNED_PIXELS_A_SECOND / self.size.pixels().max(1) as f64) as usize;
        let scans = affordable.min(MAX_SCANS);
        if scans < MAX_SCANS && count_scans(self.file, scans) > scans {
            return Err(Error::DeadlineExceeded);
        }
        // SAFETY: the handle is live.
        let status = unsafe { raw::tj3Set(self.handle, raw::TJPARAM_TJPARAM_SCANLIMIT as c_int, MAX_SCANS as c_int) };
        if status == 0 { Ok(()) } else { Err(Error::Internal) }
    }

    /// Has the inverse DCT give fewer pixels than it is given coefficients.
    fn reduce(&mut self, reduction: u32) -> Result<(), Error> {
        let factor = raw::tjscalingfactor { num: 1, denom: reduction as c_int };
        // SAFETY: the handle is live, and has read a header.
        let status = unsafe { raw::tj3SetScalingFactor(self.handle, factor) };
        self.reduction = reduction;
        if status == 0 { Ok(()) } else { Err(Error::Internal) }
    }

    fn decompress(&self, format: raw::TJPF, channels: usize, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let size = self.size.reduced(self.reduction);
        let row = size.width as usize * channels;
        let length = size.height as usize * row;
        if pixels.capacity() < length {
            fill_with_zeros(pixels, length);
        } else {
            // Every byte is written over, which the marks see to: to clear them first would only take time.
            pixels.resize(length, 0);
        }
        for mark in MARKS {
            let last = pixels.len() - row;
            pixels[last..].fill(mark);
            // SAFETY: `file` is readable for its length. The size is the one that this handle has read
            // from this file's header, reduced as it has been told to; a pitch of 0 means rows without padding,
            // so `pixels` is just as long as what is written.
            let status = unsafe {
                let (file, length) = (self.file.as_ptr(), self.file.len() as raw::size_t);
                raw::tj3Decompress8(self.handle, file, length, pixels.as_mut_ptr(), 0, format)
            };
            self.check(status)?;
            // An error that follows a warning is reported as a warning: then the rows from there on hold what
            // they held before, which may be another request's picture.
            if status == 0 || pixels[last..].iter().any(|value| *value != mark) {
                return Ok(());
            }
        }
        Err(Error::DamagedImage)
    }

    /// A parameter of the file; none where it is unknown.
    fn get(&self, parameter: raw::TJPARAM) -> Option<u32> {
        // SAFETY: the handle is live, and any parameter is answered, an unknown one with -1.
        let value = unsafe { raw::tj3Get(self.handle, parameter as c_int) };
        u32::try_from(value).ok()
    }

    /// Pillow's judgement: an error refuses the file, and so does an end before the end; any other
    /// warning lets it pass.
    fn check(&self, status: c_int) -> Result<(), Error> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the handle is live.
        let code = unsafe { raw::tj3GetErrorCode(self.handle) };
        let is_warning = u32::try_from(code) == Ok(raw::TJERR_TJERR_WARNING);
        if is_warning && !ends_early(self.file) { Ok(()) } else { Err(Error::DamagedImage) }
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is live, and not used again.
        unsafe { raw::tj3Destroy(self.handle) };
    }
}

/// Whether the last scan has no end. A thumbnail's end does not count: it comes before that scan.
fn ends_early(file: &[u8]) -> bool {
    let last = |marker: [u8; 2]| file.windows(2).rposition(|bytes| bytes == marker);
    last(END_OF_IMAGE) < last(START_OF_SCAN)
}

/// The segments before the first scan, each with its marker's second byte and its data (ITU-T T.81, B.1.1.4); a
/// stray byte is passed over.
pub(in crate::image) fn segments(file: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        while let Some([first, second]) = file.get(at..at + 2) {
            if [*first, *second] == START_OF_SCAN {
                return None;
            }
            let has_length = *first == 0xff && matches!(second, 0xc0..=0xfe) && !matches!(second, 0xd0..=0xd9);
            let length = file.get(at + 2..at + 4).filter(|_| has_length);
            let Some(length) = length.map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])).max(2))
            else {
                at += 1;
                continue;
            };
            let (begin, end) = (at + 4, at + 2 + length);
            at = end;
            return Some((*second, file.get(begin..end).unwrap_or_default()));
        }
        None
    })
}

/// Scans behind the head, of which no more than one over `enough` are looked for.
pub(super) fn count_scans(file: &[u8], enough: usize) -> usize {
    // A segment's data begins four bytes behind its marker, and is a part of `file`.
    let head = segments(file).map(|(_, data)| 4 + data.len()).sum::<usize>();
    let scans = file[head.min(file.len())..].windows(2).filter(|bytes| *bytes == START_OF_SCAN);
    scans.take(enough + 1).count()
}

/// Pillow's `convert("RGB")` of CMYK, which JPEG files hold inverted (Adobe's convention).
fn cmyk_to_rgb(cmyk: &[u8], pixels: &mut Vec<u8>) {
    pixels.clear();
    pixels.extend(cmyk.chunks_exact(4).flat_map(|pixel| {
        let light = pixel[3];
        [pixel[0], pixel[1], pixel[2]].map(|inverted| light - scaled(255 - inverted, light))
    }));
}

/// `a * b / 255`, rounded: the `MULDIV255` of Pillow.
fn scaled(a: u8, b: u8) -> u8 {
    let product = u16::from(a) * u16::from(b) + 128;
    (((product >> 8) + product) >> 8).to_le_bytes()[0]
}
