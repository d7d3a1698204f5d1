//! WebP, through libwebp: the library that Pillow decodes with.

#![allow(unsafe_code, reason = "libwebp is a C library")]

use std::mem::MaybeUninit;

use libwebp_sys as raw;

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use crate::stop::Stop;

/// The `format` of a picture without any lossless part (`WebPBitstreamFeatures` in webp/decode.h).
const LOSSY: i32 = 1;

/// Bytes of a file that are decoded before the deadline is checked again.
const STEP: usize = 64 << 10;

/// The first frame, as Pillow shows it: the canvas outside the frame is black, and alpha is dropped.
pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let Source { file, stop, .. } = *source;
    let features = features(file)?;
    let canvas = source.check(size(features.width, features.height)?)?;
    if features.has_animation == 0 {
        memory::zeros(pixels, canvas.pixels() * CHANNELS)?;
        decode_into(file, stop, pixels, canvas.width as usize * CHANNELS)?;
        return Ok(canvas);
    }
    let animation = Animation::open(file)?;
    let frame = animation.first_frame()?;
    let extent = size(frame.0.width, frame.0.height)?;
    let (left, top) = (offset(frame.0.x_offset)?, offset(frame.0.y_offset)?);
    let fits =
        left + extent.width as usize <= canvas.width as usize && top + extent.height as usize <= canvas.height as usize;
    // The size in the frame's header must be that of its picture.
    let inside = self::features(frame.data())?;
    if !fits || size(inside.width, inside.height)? != extent {
        return Err(Error::DamagedImage);
    }
    memory::zeros(pixels, canvas.pixels() * CHANNELS)?;
    let stride = canvas.width as usize * CHANNELS;
    decode_into(frame.data(), stop, &mut pixels[top * stride + left * CHANNELS..], stride)?;
    Ok(canvas)
}

/// The headers. No memory for pixels is taken.
fn features(file: &[u8]) -> Result<raw::WebPBitstreamFeatures, Error> {
    let mut features = MaybeUninit::<raw::WebPBitstreamFeatures>::zeroed();
    // SAFETY: `file` is readable for its length, and zeros are a value of the structure.
    let (status, features) = unsafe {
        let status = raw::WebPGetFeatures(file.as_ptr(), file.len(), features.as_mut_ptr());
        (status, features.assume_init())
    };
    if status == raw::VP8StatusCode::VP8_STATUS_OK { Ok(features) } else { Err(Error::DamagedImage) }
}

fn size(width: i32, height: i32) -> Result<Size, Error> {
    let side = |side: i32| u32::try_from(side).map_err(|_| Error::DamagedImage);
    Ok(Size { width: side(width)?, height: side(height)? })
}

fn offset(offset: i32) -> Result<usize, Error> {
    usize::try_from(offset).map_err(|_| Error::DamagedImage)
}

/// Decodes a picture without animation to `pixels`. `stride` is the bytes from row to row.
fn decode_into(file: &[u8], stop: &Stop, pixels: &mut [u8], stride: usize) -> Result<(), Error> {
    let stride = i32::try_from(stride).map_err(|_| Error::DamagedImage)?;
    let features = features(file)?;
    if features.format != LOSSY {
        // libwebp holds the whole picture. It would report that it can't, but would leave too little memory to others.
        memory::probe(size(features.width, features.height)?.pixels().saturating_mul(4))?;
    }
    // SAFETY: the decoder writes to `pixels`, whose length it is given and which outlives it.
    let decoder = unsafe { raw::WebPINewRGB(raw::WEBP_CSP_MODE::MODE_RGB, pixels.as_mut_ptr(), pixels.len(), stride) };
    if decoder.is_null() {
        return Err(Error::OutOfMemory);
    }
    let decoder = Incremental(decoder);
    let mut end = 0;
    while end < file.len() {
        stop.check()?;
        end = (end + STEP).min(file.len());
        // SAFETY: the decoder is live, and each call has the bytes of the one before and more.
        match unsafe { raw::WebPIUpdate(decoder.0, file.as_ptr(), end) } {
            raw::VP8StatusCode::VP8_STATUS_OK => return Ok(()),
            raw::VP8StatusCode::VP8_STATUS_SUSPENDED => {}
            raw::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY => return Err(Error::OutOfMemory),
            _ => return Err(Error::DamagedImage),
        }
    }
    Err(Error::DamagedImage)
}

struct Incremental(*mut raw::WebPIDecoder);

impl Drop for Incremental {
    fn drop(&mut self) {
        // SAFETY: the decoder is live, and not used again.
        unsafe { raw::WebPIDelete(self.0) };
    }
}

/// An animated file and libwebp's demuxer for it.
struct Animation<'a> {
    demuxer: *mut raw::WebPDemuxer,
    file: std::marker::PhantomData<&'a [u8]>,
}

impl<'a> Animation<'a> {
    fn open(file: &'a [u8]) -> Result<Self, Error> {
        let data = raw::WebPData { bytes: file.as_ptr(), size: file.len() };
        // SAFETY: the bytes are readable, and outlive the demuxer.
        let demuxer = unsafe {
            let version = raw::WEBP_DEMUX_ABI_VERSION.cast_signed();
            raw::WebPDemuxInternal(&raw const data, 0, std::ptr::null_mut(), version)
        };
        if demuxer.is_null() { Err(Error::DamagedImage) } else { Ok(Self { demuxer, file: std::marker::PhantomData }) }
    }

    fn first_frame(&self) -> Result<Frame<'_>, Error> {
        let mut iterator = MaybeUninit::<raw::WebPIterator>::zeroed();
        // SAFETY: the demuxer is live, and fills the structure in where there is such a frame.
        unsafe {
            if raw::WebPDemuxGetFrame(self.demuxer, 1, iterator.as_mut_ptr()) == 0 {
                return Err(Error::DamagedImage);
            }
            Ok(Frame(iterator.assume_init(), std::marker::PhantomData))
        }
    }
}

impl Drop for Animation<'_> {
    fn drop(&mut self) {
        // SAFETY: the demuxer is live, and its frames are gone before it.
        unsafe { raw::WebPDemuxDelete(self.demuxer) };
    }
}

struct Frame<'a>(raw::WebPIterator, std::marker::PhantomData<&'a ()>);

impl Frame<'_> {
    /// The frame's own picture, inside the file.
    fn data(&self) -> &[u8] {
        // SAFETY: the fragment is a part of the file, which outlives the frame.
        unsafe { std::slice::from_raw_parts(self.0.fragment.bytes, self.0.fragment.size) }
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        // SAFETY: the iterator was filled in by the library.
        unsafe { raw::WebPDemuxReleaseIterator(&raw mut self.0) };
    }
}
