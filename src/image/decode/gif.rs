//! The first frame of a GIF.

use ::gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::limits::Source;
use super::timed::Timed;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;

/// Pillow's first frame. The canvas grows where the frame passes its edge. Pixels outside the frame have the transparent
/// colour, or the palette's first one where none is transparent.
pub(super) fn decode(source: &Source<'_>, indices: &mut Vec<u8>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The frame's size is checked against our own limit before its pixels are read.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(Timed::new(source.file, source.stop)).map_err(damaged)?;
    let (canvas_width, canvas_height) = (decoder.width(), decoder.height());
    let frame = decoder.next_frame_info().map_err(damaged)?.ok_or(Error::DamagedImage)?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let frame_width = usize::from(frame.width);
    let background = frame.transparent.unwrap_or(0);
    let size = source.check(Size {
        width: u32::from(canvas_width).max(u32::from(frame.left) + u32::from(frame.width)),
        height: u32::from(canvas_height).max(u32::from(frame.top) + u32::from(frame.height)),
    })?;
    memory::zeros(indices, decoder.buffer_size())?;
    decoder.read_into_buffer(indices).map_err(damaged)?;
    let palette = decoder.palette().unwrap_or_default();
    let colour = |index: u8| -> [u8; 3] {
        let at = usize::from(index) * 3;
        palette.get(at..at + 3).and_then(|colour| colour.try_into().ok()).unwrap_or_default()
    };
    memory::resize(pixels, size.pixels() * CHANNELS)?;
    let background = colour(background);
    pixels.chunks_exact_mut(CHANNELS).for_each(|pixel| pixel.copy_from_slice(&background));
    if frame_width == 0 {
        return Ok(size);
    }
    for (y, row) in indices.chunks_exact(frame_width).enumerate() {
        let at = ((top + y) * size.width as usize + left) * CHANNELS;
        for (pixel, index) in pixels[at..].chunks_exact_mut(CHANNELS).zip(row) {
            pixel.copy_from_slice(&colour(*index));
        }
    }
    Ok(size)
}

fn damaged(_: ::gif::DecodingError) -> Error {
    Error::DamagedImage
}
