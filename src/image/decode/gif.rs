//! The first frame of a GIF.

use ::gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::timed::Timed;
use super::{Size, fill_with_zeros};
use crate::error::Error;
use crate::stop::Stop;

/// Pillow's first frame: the canvas grows where the frame passes its edge, and what the frame leaves
/// bare has the transparent colour, or the first one where none is transparent.
pub(super) fn decode(
    file: &[u8],
    max_pixels: u64,
    stop: &Stop,
    indices: &mut Vec<u8>,
    pixels: &mut Vec<u8>,
) -> Result<Size, Error> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The frame's size is held against our own limit before its pixels are read.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(Timed::new(file, stop)).map_err(damaged)?;
    let (canvas_width, canvas_height) = (decoder.width(), decoder.height());
    let frame = decoder.next_frame_info().map_err(damaged)?.ok_or(Error::DamagedImage)?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let frame_width = usize::from(frame.width);
    let background = frame.transparent.unwrap_or(0);
    let size = Size {
        width: u32::from(canvas_width).max(u32::from(frame.left) + u32::from(frame.width)),
        height: u32::from(canvas_height).max(u32::from(frame.top) + u32::from(frame.height)),
    }
    .check(max_pixels)?;
    fill_with_zeros(indices, decoder.buffer_size());
    decoder.read_into_buffer(indices).map_err(damaged)?;
    let palette = decoder.palette().unwrap_or_default();
    let colour = |index: u8| -> [u8; 3] {
        let at = usize::from(index) * 3;
        palette.get(at..at + 3).and_then(|colour| colour.try_into().ok()).unwrap_or_default()
    };
    pixels.clear();
    pixels.extend((0..size.pixels()).flat_map(|_| colour(background)));
    if frame_width == 0 {
        return Ok(size);
    }
    for (y, row) in indices.chunks_exact(frame_width).enumerate() {
        let at = ((top + y) * size.width as usize + left) * 3;
        for (pixel, index) in pixels[at..].chunks_exact_mut(3).zip(row) {
            pixel.copy_from_slice(&colour(*index));
        }
    }
    Ok(size)
}

fn damaged(_: ::gif::DecodingError) -> Error {
    Error::DamagedImage
}
