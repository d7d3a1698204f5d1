//! JPEG, through libjpeg-turbo: the library that Pillow decodes with, with Pillow's settings.

#![allow(
    unsafe_code,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "libjpeg-turbo is a C library; its constants are small"
)]

use std::ffi::{CStr, c_int};

use turbojpeg::raw;

use super::limits::Source;
use crate::error::Error;
use crate::image::segments::{Scans, scans};
use crate::image::{CHANNELS, Size};
use crate::memory;
use crate::stop::Stop;

/// Scans times pixels that are decoded in a second, as each scan goes over the whole picture. A low estimate: libjpeg-turbo
/// can't be stopped, so its work is limited to what the remaining time allows.
const SCANNED_PIXELS_A_SECOND: f64 = 100e6;

/// The most scans of a progressive file. Encoders write about ten, for pictures of any size.
const MAX_SCANS: usize = 200;

/// Sentinels for the last row. If one survives, libjpeg-turbo stopped early without an error; a second, different one rules
/// out a picture that happens to contain the first.
const SENTINELS: [u8; 2] = [0x5a, 0xa5];

/// Pixels that a reduced picture keeps for each pixel of the model's input, along both sides. Measured with
/// `scripts/check_reduction`: with six, the model's pixels differ from those of a full decode mostly by rounding.
const PIXELS_KEPT: u32 = 6;

/// The same where four pixels along one side share a sample of Cb and Cr, of which a reduction leaves too few.
const PIXELS_KEPT_COARSE: u32 = 2 * PIXELS_KEPT;

/// The factors by which libjpeg-turbo reduces at the speed of its SIMD code, largest first.
const REDUCTIONS: [u32; 3] = [8, 4, 2];

/// Bytes that libjpeg-turbo takes for any picture: its tables, and some rows of the largest width.
const LEAST_COST: u64 = 4 << 20;

/// The size that the file states, and the factor by which each side was reduced.
pub(super) fn decode(
    source: &Source<'_>,
    shorter_side: Option<u32>,
    pixels: &mut Vec<u8>,
) -> Result<(Size, u32), Error> {
    let mut opened = Opened::read_header(source.file)?;
    let size = source.check(opened.size)?;
    opened.limit_scans(source.stop)?;
    let reduction = shorter_side.map_or(1, |side| opened.reduction(side));
    opened.reduce(reduction)?;
    source.admit(size.reduced(reduction), opened.cost())?;
    if opened.is_cmyk() {
        opened.decompress(raw::TJPF_TJPF_CMYK, 4, pixels)?;
        cmyk_to_rgb(pixels);
    } else if opened.is_lossless() && opened.colours == raw::TJCS_TJCS_GRAY {
        // libjpeg-turbo converts no colours of a lossless picture.
        opened.decompress(raw::TJPF_TJPF_GRAY, 1, pixels)?;
        gray_to_rgb(pixels)?;
    } else {
        opened.decompress(raw::TJPF_TJPF_RGB, 3, pixels)?;
    }
    Ok((size, reduction))
}

/// A file whose header has been read, and libjpeg-turbo's state for it.
///
/// The `turbojpeg` crate has a safe form of it, which can't tell a warning from an error: it refuses the many photographs with
/// a stray byte between markers, which every other program shows. The state serves one file only: after a damaged one,
/// libjpeg-turbo may take what is left in it for the next file's.
pub(super) struct Opened<'a> {
    handle: raw::tjhandle,
    file: &'a [u8],
    pub(super) size: Size,
    reduction: u32,
    pub(super) colours: raw::TJCS,
    /// The picture's scans, up to one more than are decoded.
    scans: usize,
    /// Whether the picture has an end.
    has_end: bool,
}

impl<'a> Opened<'a> {
    pub(super) fn read_header(file: &'a [u8]) -> Result<Self, Error> {
        // SAFETY: the argument is one of the documented values.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() {
            return Err(Error::Internal);
        }
        let Scans { count: scans, has_end } = scans(file, MAX_SCANS);
        let mut opened =
            Self { handle, file, size: Size { width: 0, height: 0 }, reduction: 1, colours: 0, scans, has_end };
        // SAFETY: `file` is readable for its length.
        let status = unsafe { raw::tj3DecompressHeader(handle, file.as_ptr(), file.len() as raw::size_t) };
        opened.check(status)?;
        if opened.get(raw::TJPARAM_TJPARAM_PRECISION) != Some(8) {
            return Err(Error::UnsupportedImage { kind: "JPEG of more than 8 bits" });
        }
        let width = opened.get(raw::TJPARAM_TJPARAM_JPEGWIDTH).ok_or(Error::DamagedImage)?;
        let height = opened.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT).ok_or(Error::DamagedImage)?;
        opened.size = Size { width, height };
        opened.colours = opened
            .get(raw::TJPARAM_TJPARAM_COLORSPACE)
            .ok_or(Error::UnsupportedImage { kind: "JPEG in this colour space" })?;
        Ok(opened)
    }

    /// Refuses a file with more scans than the remaining time allows. Otherwise the file alone would determine the amount of
    /// work.
    pub(super) fn limit_scans(&self, stop: &Stop) -> Result<(), Error> {
        let left = stop.remaining().as_secs_f64();
        #[expect(clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "positive, and an estimate")]
        let affordable = (left * SCANNED_PIXELS_A_SECOND / self.size.pixels().max(1) as f64) as usize;
        let most = affordable.min(MAX_SCANS);
        if most < MAX_SCANS && self.scans > most {
            return Err(Error::DeadlineExceeded);
        }
        // SAFETY: the handle is live.
        let status = unsafe { raw::tj3Set(self.handle, raw::TJPARAM_TJPARAM_SCANLIMIT as c_int, MAX_SCANS as c_int) };
        if status == 0 { Ok(()) } else { Err(Error::Internal) }
    }

    /// The largest reduction that keeps enough of the picture, where `side` is the number of pixels to which its shorter side is
    /// resized.
    fn reduction(&self, side: u32) -> u32 {
        // A lossless file has no DCT: libjpeg-turbo ignores the scaling factor.
        if self.is_lossless() {
            return 1;
        }
        let kept = if self.is_coarse() { PIXELS_KEPT_COARSE } else { PIXELS_KEPT };
        let shorter = self.size.width.min(self.size.height);
        let is_enough = |reduction: &u32| shorter / reduction >= side.saturating_mul(kept);
        REDUCTIONS.into_iter().find(is_enough).unwrap_or(1)
    }

    /// Makes the inverse DCT write fewer pixels than the file has.
    fn reduce(&mut self, reduction: u32) -> Result<(), Error> {
        let factor = raw::tjscalingfactor { num: 1, denom: reduction as c_int };
        // SAFETY: the handle is live, and has read a header.
        let status = unsafe { raw::tj3SetScalingFactor(self.handle, factor) };
        self.reduction = reduction;
        if status == 0 { Ok(()) } else { Err(Error::Internal) }
    }

    pub(super) fn decompress(&self, format: raw::TJPF, channels: usize, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let size = self.size.reduced(self.reduction);
        let row = size.width as usize * channels;
        let length = size.height as usize * row;
        // Every byte is written over, which the sentinels verify.
        memory::resize(pixels, length)?;
        for sentinel in SENTINELS {
            let last = pixels.len() - row;
            pixels[last..].fill(sentinel);
            // SAFETY: `file` is readable for its length. The size is the one that this handle has read from this file's
            // header, reduced by the factor that it has been given. A pitch of 0 means rows without padding, so `pixels`
            // has exactly the length that is written.
            let status = unsafe {
                let (file, length) = (self.file.as_ptr(), self.file.len() as raw::size_t);
                raw::tj3Decompress8(self.handle, file, length, pixels.as_mut_ptr(), 0, format)
            };
            self.check(status)?;
            // libjpeg-turbo reports an error that follows a warning as a warning. The rows from there on then hold what they
            // held before, which may be another request's picture.
            if status == 0 || pixels[last..].iter().any(|value| *value != sentinel) {
                return Ok(());
            }
        }
        Err(Error::DamagedImage)
    }

    /// Bytes that libjpeg-turbo takes beside the pixels, at most, and those of CMYK over those of RGB.
    ///
    /// A picture whose components come in several scans is held whole: a coefficient of two bytes for each sample.
    pub(super) fn cost(&self) -> u64 {
        let components: u64 = if self.is_cmyk() { 4 } else { 3 };
        let held = if self.has_several_scans() { components * 2 } else { 0 };
        let cmyk = if self.is_cmyk() { self.size.reduced(self.reduction).pixels() as u64 } else { 0 };
        held * self.size.pixels() as u64 + cmyk + LEAST_COST
    }

    fn is_lossless(&self) -> bool {
        self.get(raw::TJPARAM_TJPARAM_LOSSLESS) != Some(0)
    }

    /// Whether the sampling is 4:1:1, 4:4:1, or one without a name.
    fn is_coarse(&self) -> bool {
        let sampling = self.get(raw::TJPARAM_TJPARAM_SUBSAMP).and_then(|sampling| raw::TJSAMP::try_from(sampling).ok());
        matches!(sampling, None | Some(raw::TJSAMP_TJSAMP_411 | raw::TJSAMP_TJSAMP_441))
    }

    fn is_cmyk(&self) -> bool {
        matches!(self.colours, raw::TJCS_TJCS_CMYK | raw::TJCS_TJCS_YCCK)
    }

    /// Whether the picture's components come in several scans: always so in a progressive file.
    fn has_several_scans(&self) -> bool {
        self.get(raw::TJPARAM_TJPARAM_PROGRESSIVE) == Some(1) || self.scans > 1
    }

    /// A parameter of the file; `None` if it is not known.
    fn get(&self, parameter: raw::TJPARAM) -> Option<u32> {
        // SAFETY: the handle is live. The answer for an unknown parameter is -1.
        let value = unsafe { raw::tj3Get(self.handle, parameter as c_int) };
        u32::try_from(value).ok()
    }

    /// Pillow's judgement: an error refuses the file, and so does data that ends too early. Other warnings are ignored.
    fn check(&self, status: c_int) -> Result<(), Error> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the handle is live.
        let code = unsafe { raw::tj3GetErrorCode(self.handle) };
        let is_warning = u32::try_from(code) == Ok(raw::TJERR_TJERR_WARNING);
        if is_warning && self.has_end {
            Ok(())
        } else if self.has_no_memory() {
            Err(Error::OutOfMemory)
        } else {
            Err(Error::DamagedImage)
        }
    }

    /// Whether the last error is one of memory, by the messages of libjpeg-turbo's `jerror.h` and `turbojpeg.c`.
    fn has_no_memory(&self) -> bool {
        // SAFETY: the handle is live. The text belongs to it and ends with a zero.
        let text = unsafe { CStr::from_ptr(raw::tj3GetErrorStr(self.handle)) }.to_string_lossy();
        text.contains("Insufficient memory") || text.contains("Memory allocation failure")
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is live, and not used again.
        unsafe { raw::tj3Destroy(self.handle) };
    }
}

/// Pillow's `convert("RGB")` of CMYK, which JPEG files hold inverted (Adobe's convention), in place.
fn cmyk_to_rgb(pixels: &mut Vec<u8>) {
    let count = pixels.len() / 4;
    for index in 0..count {
        let mut cmyk = [0; 4];
        cmyk.copy_from_slice(&pixels[index * 4..][..4]);
        let [cyan, magenta, yellow, light] = cmyk;
        let rgb = [cyan, magenta, yellow].map(|inverted| light - scaled(255 - inverted, light));
        pixels[index * CHANNELS..][..CHANNELS].copy_from_slice(&rgb);
    }
    pixels.truncate(count * CHANNELS);
}

/// Repeats each value twice, in place.
fn gray_to_rgb(pixels: &mut Vec<u8>) -> Result<(), Error> {
    let count = pixels.len();
    memory::reserve(pixels, count * (CHANNELS - 1))?;
    pixels.resize(count * CHANNELS, 0);
    for index in (0..count).rev() {
        let value = pixels[index];
        pixels[index * CHANNELS..][..CHANNELS].fill(value);
    }
    Ok(())
}

/// `a * b / 255`, rounded: Pillow's `MULDIV255`.
pub(super) fn scaled(a: u8, b: u8) -> u8 {
    let product = u16::from(a) * u16::from(b) + 128;
    (((product >> 8) + product) >> 8).to_le_bytes()[0]
}
