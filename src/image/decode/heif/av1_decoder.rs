//! Frames of AV1, through `re_rav1d`, a translation of dav1d: the decoder that Pillow's libavif uses.
//!
//! The decoder can't be stopped while it decodes a frame, and aborts the process where it panics or is refused memory. So it is
//! given one unit of the stream at a time, only frames of at most the size that the container states, and only after its memory
//! has been probed for.

use re_rav1d::{Decoder, PixelLayout, PlanarImageComponent, Plane, Settings};

use super::av1_stream::{Sequence, Summary, units};
use super::yuv::{Layout, Planes};
use crate::error::Error;
use crate::image::Size;
use crate::memory;
use crate::stop::Stop;

/// Reference frames that the decoder keeps at most, and the current one (AV1 bitstream specification, section 7.20).
const MOST_FRAMES: u64 = 9;

/// Pixels of a frame's edge that the decoder may allocate beside it, along each side.
const EDGE: u64 = 256;

/// Bytes that the decoder takes for a tile of its own, at most; a tile has at least one superblock of 64 x 64 pixels, and a frame
/// has at most 64 rows and 64 columns of tiles (section 5.9.15).
const TILE: u64 = 24 << 10;

/// Bytes that the decoder takes for any picture.
const LEAST: u64 = 4 << 20;

/// Pixels, and bytes of a stream, that are decoded in a second. High estimates: a frame is refused only if it can't be decoded in
/// the time that is left, since the decoder can't be stopped in a frame.
const PIXELS_A_SECOND: f64 = 100e6;
const BYTES_A_SECOND: f64 = 40e6;

/// Bytes of the planes of a frame.
pub(super) fn planes(sequence: &Sequence, size: Size) -> u64 {
    let luma = padded(size);
    let samples = match sequence.layout {
        Layout::Gray => luma,
        Layout::Quarter => luma.saturating_mul(3) / 2,
        Layout::Half => luma.saturating_mul(2),
        Layout::Full => luma.saturating_mul(3),
    };
    samples.saturating_mul(if sequence.bits == 8 { 1 } else { 2 })
}

/// Pixels that are allocated for a frame.
fn padded(size: Size) -> u64 {
    (u64::from(size.width) + EDGE).saturating_mul(u64::from(size.height) + EDGE)
}

/// Bytes that [`decode`] takes for a stream whose frames have at most this size, estimated from above.
pub(super) fn cost(summary: &Summary, size: Size) -> u64 {
    let frames = (summary.frames as u64).clamp(1, MOST_FRAMES) + u64::from(summary.sequence.has_grain);
    let luma = padded(size);
    // Beside the samples, a frame has motion vectors and segments; the decoder has filter levels and masks.
    let each = planes(&summary.sequence, size).saturating_add(luma / 2);
    let superblocks = |side: u32| u64::from(side.div_ceil(64).min(64));
    let tiles = superblocks(size.width) * superblocks(size.height);
    each.saturating_mul(frames).saturating_add(luma).saturating_add(tiles * TILE + LEAST)
}

/// A decoded picture.
pub(super) struct Frame {
    pub(super) size: Size,
    pub(super) layout: Layout,
    pub(super) bits: u32,
    planes: Vec<(Plane, usize)>,
}

/// The picture of a stream that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Frames of more pixels are refused.
    pub(super) most: Size,
    /// The operating point (`a1op`; AV1 Image File Format, section 2.3.2).
    pub(super) operating_point: u8,
    /// The spatial layer (`lsel`; ISO/IEC 23008-12, section 6.5.11). Without one, it is the highest of the operating point.
    pub(super) layer: Option<u16>,
}

/// The first picture of a stream.
///
/// # Errors
/// [`Error::DamagedImage`], [`Error::OutOfMemory`], what [`Stop::check`] returns.
pub(super) fn decode(stream: &[u8], choice: &Choice, stop: &Stop) -> Result<Frame, Error> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(choice.layer.is_some());
    settings.set_operating_point(u32::from(choice.operating_point));
    settings.set_frame_size_limit(u32::try_from(choice.most.pixels()).map_err(|_| Error::DamagedImage)?);
    let mut decoder = Decoder::with_settings(&settings).map_err(to_error)?;
    for unit in units(stream) {
        stop.check()?;
        if unit.is_frame() && stop.remaining().as_secs_f64() < seconds(choice.most, unit.bytes.len()) {
            return Err(Error::DeadlineExceeded);
        }
        let mut bytes = Vec::new();
        memory::reserve(&mut bytes, unit.bytes.len())?;
        bytes.extend_from_slice(unit.bytes);
        match decoder.send_data(bytes, None, None, None) {
            Ok(()) => {}
            // A picture is ready, and what follows it is not wanted.
            Err(re_rav1d::Error::Again) => break,
            Err(error) => return Err(to_error(error)),
        }
        let Some(layer) = choice.layer else { continue };
        match decoder.get_picture() {
            Ok(picture) if u16::from(unit.layer) == layer => return frame(&picture),
            Ok(_) | Err(re_rav1d::Error::Again) => {}
            Err(error) => return Err(to_error(error)),
        }
    }
    stop.check()?;
    frame(&decoder.get_picture().map_err(to_error)?)
}

/// The time that a frame of this size and of so many bytes takes at least.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn seconds(size: Size, bytes: usize) -> f64 {
    size.pixels() as f64 / PIXELS_A_SECOND + bytes as f64 / BYTES_A_SECOND
}

fn to_error(error: re_rav1d::Error) -> Error {
    match error {
        re_rav1d::Error::NotEnoughMemory => Error::OutOfMemory,
        _ => Error::DamagedImage,
    }
}

fn frame(picture: &re_rav1d::Picture) -> Result<Frame, Error> {
    let layout = match picture.pixel_layout() {
        PixelLayout::I400 => Layout::Gray,
        PixelLayout::I420 => Layout::Quarter,
        PixelLayout::I422 => Layout::Half,
        PixelLayout::I444 => Layout::Full,
    };
    let mut components = vec![PlanarImageComponent::Y];
    if layout != Layout::Gray {
        components.extend([PlanarImageComponent::U, PlanarImageComponent::V]);
    }
    let planes = components.into_iter().map(|component| (picture.plane(component), picture.stride(component) as usize));
    Ok(Frame {
        size: Size { width: picture.width(), height: picture.height() },
        layout,
        bits: u32::try_from(picture.bit_depth()).map_err(|_| Error::DamagedImage)?,
        planes: planes.collect(),
    })
}

impl Planes for Frame {
    fn read(&self, plane: usize, row: usize, samples: &mut [u16]) -> Result<(), Error> {
        let (plane, stride) = self.planes.get(plane).ok_or(Error::DamagedImage)?;
        let bytes = row.checked_mul(*stride).and_then(|at| plane.get(at..)).ok_or(Error::DamagedImage)?;
        if self.bits == 8 {
            let row = bytes.get(..samples.len()).ok_or(Error::DamagedImage)?;
            samples.iter_mut().zip(row).for_each(|(sample, byte)| *sample = u16::from(*byte));
        } else {
            let row = bytes.get(..samples.len() * 2).ok_or(Error::DamagedImage)?;
            let pairs = row.as_chunks::<2>().0;
            samples.iter_mut().zip(pairs).for_each(|(sample, pair)| *sample = u16::from_ne_bytes(*pair));
        }
        Ok(())
    }
}
