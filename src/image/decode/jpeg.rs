//! JPEG, through libjpeg-turbo: the library that Pillow decodes with, set as Pillow sets it.

#![allow(
    unsafe_code,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "libjpeg-turbo is a C library; its constants are small"
)]

use std::ffi::c_int;

use turbojpeg::raw;

use super::Size;
use crate::error::Error;

/// Start of scan, and end of image: neither occurs inside a scan's compressed data.
const START_OF_SCAN: [u8; 2] = [0xff, 0xda];
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];

/// Scans times pixels: a few seconds of work. Encoders make some ten scans, whatever the size.
const MAX_SCANNED_PIXELS: usize = 1_000_000_000;
const MIN_SCANS: usize = 20;
const MAX_SCANS: usize = 200;

/// A decompressor's state and its buffer for CMYK.
///
/// The `turbojpeg` crate has a safe one, but it can't tell a warning from an error: it refuses the
/// many photographs with a stray byte between markers that every other program shows.
#[derive(Debug)]
pub(super) struct Decompressor {
    handle: raw::tjhandle,
    cmyk: Vec<u8>,
}

// SAFETY: the handle owns all that it points to, and libjpeg-turbo keeps nothing in thread-locals
// but the message of a failed `tj3Init`.
unsafe impl Send for Decompressor {}

impl Decompressor {
    pub(super) fn new() -> Result<Self, Error> {
        // SAFETY: the argument is one of the documented values.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() {
            return Err(Error::Internal);
        }
        Ok(Self { handle, cmyk: Vec::new() })
    }

    pub(super) fn decode(&mut self, file: &[u8], max_pixels: u64, pixels: &mut Vec<u8>) -> Result<Size, Error> {
        let (size, colours) = self.read_header(file)?;
        let size = size.check(max_pixels)?;
        self.limit_scans(size)?;
        if colours == raw::TJCS_TJCS_CMYK || colours == raw::TJCS_TJCS_YCCK {
            let mut cmyk = std::mem::take(&mut self.cmyk);
            let decoded = self.decompress(file, size, raw::TJPF_TJPF_CMYK, 4, &mut cmyk);
            if decoded.is_ok() {
                cmyk_to_rgb(&cmyk, pixels);
            }
            self.cmyk = cmyk;
            decoded?;
        } else {
            self.decompress(file, size, raw::TJPF_TJPF_RGB, 3, pixels)?;
        }
        Ok(size)
    }

    /// Gives back a buffer of more than `most` bytes.
    pub(super) fn release(&mut self, most: usize) {
        if self.cmyk.capacity() > most {
            self.cmyk = Vec::new();
        }
    }

    /// Each scan of a progressive file goes over the whole picture: as many as it likes would be as much
    /// work as it likes.
    fn limit_scans(&mut self, size: Size) -> Result<(), Error> {
        let scans = (MAX_SCANNED_PIXELS / size.pixels().max(1)).clamp(MIN_SCANS, MAX_SCANS);
        // SAFETY: the handle is live.
        let status = unsafe { raw::tj3Set(self.handle, raw::TJPARAM_TJPARAM_SCANLIMIT as c_int, scans as c_int) };
        if status == 0 { Ok(()) } else { Err(Error::Internal) }
    }

    fn read_header(&mut self, file: &[u8]) -> Result<(Size, raw::TJCS), Error> {
        // SAFETY: `file` is readable for its length.
        let status = unsafe { raw::tj3DecompressHeader(self.handle, file.as_ptr(), file.len() as raw::size_t) };
        self.check(status, file)?;
        if self.get(raw::TJPARAM_TJPARAM_PRECISION) != Some(8) {
            return Err(Error::UnsupportedImage);
        }
        let width = self.get(raw::TJPARAM_TJPARAM_JPEGWIDTH).ok_or(Error::DamagedImage)?;
        let height = self.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT).ok_or(Error::DamagedImage)?;
        let colours = self.get(raw::TJPARAM_TJPARAM_COLORSPACE).ok_or(Error::UnsupportedImage)?;
        Ok((Size { width, height }, colours))
    }

    fn decompress(
        &mut self,
        file: &[u8],
        size: Size,
        format: raw::TJPF,
        channels: usize,
        pixels: &mut Vec<u8>,
    ) -> Result<(), Error> {
        pixels.resize(size.pixels() * channels, 0);
        // SAFETY: `file` is readable for its length. The size is the one that this handle has read
        // from this file's header; a pitch of 0 means rows without padding, so `pixels` is just as
        // long as what is written.
        let status = unsafe {
            raw::tj3Decompress8(self.handle, file.as_ptr(), file.len() as raw::size_t, pixels.as_mut_ptr(), 0, format)
        };
        self.check(status, file)
    }

    /// A parameter of the file whose header has been read last; none where it is unknown.
    fn get(&self, parameter: raw::TJPARAM) -> Option<u32> {
        // SAFETY: the handle is live, and any parameter is answered, an unknown one with -1.
        let value = unsafe { raw::tj3Get(self.handle, parameter as c_int) };
        u32::try_from(value).ok()
    }

    /// Pillow's judgement: an error refuses the file, and so does an end before the end; any other
    /// warning lets it pass.
    fn check(&self, status: c_int, file: &[u8]) -> Result<(), Error> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the handle is live.
        let code = unsafe { raw::tj3GetErrorCode(self.handle) };
        let is_warning = u32::try_from(code) == Ok(raw::TJERR_TJERR_WARNING);
        if is_warning && !ends_early(file) { Ok(()) } else { Err(Error::DamagedImage) }
    }
}

impl Drop for Decompressor {
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
