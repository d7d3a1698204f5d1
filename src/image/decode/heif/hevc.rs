//! HEIC: HEVC pictures, through the crate `heic-decoder`, in the colours of libheif.
//!
//! Tiles are decoded one after the other, and each is converted to RGB and dropped before the next one.

use std::ops::Range;

use heic_decoder::hevc::params::Sps;
use heic_decoder::isobmff::ResolvedImage;

use super::container::{Codec, Coded, Nclx, Tile};
use super::geometry::View;
use super::hevc_chroma::Shared;
use super::hevc_colours::{Chroma, Colours, Row};
use super::hevc_stream::{Parameters, to_error};
use crate::error::Error;
use crate::image::decode::limits::Source;
use crate::image::{CHANNELS, Picture, Size};
use crate::memory;

/// The most pixels of a tile. The decoder can't be stopped within one.
const MAX_TILE_PIXELS: usize = 16 << 20;

/// The colours of a picture that states none: undefined, in the limited range (ITU-T H.265, section E.3.1).
const UNSTATED: Nclx = Nclx { primaries: 2, transfer: 2, matrix: 2, full_range: false };

/// Decodes the picture. Pillow drops its opacity, but first divides by it the colours that are multiplied by it.
///
/// # Errors
/// [`Error::DamagedImage`], [`Error::UnsupportedImage`], those of the limits and of memory; what
/// [`Stop::check`](crate::stop::Stop::check) returns.
pub(super) fn decode(source: &Source<'_>, coded: &Coded<'_>, pixels: &mut Vec<u8>) -> Result<Picture, Error> {
    let view = View::of(coded.canvas, &coded.transforms)?;
    let alpha = coded
        .alpha
        .as_deref()
        .filter(|alpha| coded.premultiplied && alpha.codec == Codec::Hevc && alpha.canvas == coded.canvas);
    let mut beside = price(source, coded)?;
    if let Some(alpha) = alpha {
        beside = beside.max(price(source, alpha)?);
    }
    source.admit_beside(view.size, beside, pixels)?;
    memory::zeros(pixels, view.size.pixels() * CHANNELS)?;
    paint(source, coded, &view, pixels, Colours::convert)?;
    if let Some(alpha) = alpha {
        paint(source, alpha, &view, pixels, Colours::divide)?;
    }
    Ok(Picture { size: view.size, reduction: 1, orientation: view.orientation })
}

/// Bytes that the costliest tile takes. Checks the size of the tiles, and what each states of itself.
fn price(source: &Source<'_>, coded: &Coded<'_>) -> Result<u64, Error> {
    if source.check(coded.tile)?.pixels() > MAX_TILE_PIXELS {
        return Err(Error::UnsupportedImage { kind: "HEIC of more than 16 megapixels without tiles" });
    }
    let mut most = 0;
    for tile in &coded.tiles {
        source.stop.check()?;
        let length: usize = tile.extents.iter().map(|extent| extent.len()).sum();
        // The data in one piece, in units, and in units without the bytes that prevent start codes.
        let data = (length as u64).saturating_mul(3);
        most = most.max(cost(&parameters(tile, coded.tile)?).saturating_add(data));
    }
    Ok(most)
}

/// Decodes one tile after the other, but those that are not seen, and changes by `change` the pixels of each row.
fn paint(
    source: &Source<'_>,
    coded: &Coded<'_>,
    view: &View,
    pixels: &mut [u8],
    change: fn(&Colours, &Row<'_>, &mut [u8]),
) -> Result<(), Error> {
    let Size { width, height } = coded.tile;
    for (index, tile) in coded.tiles.iter().enumerate() {
        source.stop.check()?;
        let place = (index % coded.columns * width as usize, index / coded.columns * height as usize);
        let columns = seen(place.0, width, coded.canvas.width, view.left, view.size.width);
        let rows = seen(place.1, height, coded.canvas.height, view.top, view.size.height);
        if columns.is_empty() || rows.is_empty() {
            continue;
        }
        let planes = Planes::decode(tile, coded, place)?;
        let stride = view.size.width as usize * CHANNELS;
        for y in rows {
            source.stop.check()?;
            let row = planes.row(columns.start - place.0, y - place.1).ok_or(Error::DamagedImage)?;
            let begin = (y - view.top as usize) * stride + (columns.start - view.left as usize) * CHANNELS;
            let rgb = pixels.get_mut(begin..begin + columns.len() * CHANNELS).ok_or(Error::Internal)?;
            change(&planes.colours, &row, rgb);
        }
    }
    Ok(())
}

/// The columns or rows of the canvas that a tile has and that are seen: of the tile's `length` from `place` on, and of the
/// `part` from `first` on.
fn seen(place: usize, length: u32, canvas: u32, first: u32, part: u32) -> Range<usize> {
    let end = (place + length as usize).min(canvas as usize).min(first as usize + part as usize);
    place.max(first as usize)..end
}

fn parameters(tile: &Tile<'_>, size: Size) -> Result<Parameters, Error> {
    Parameters::read(tile.properties.configuration(Codec::Hevc).ok_or(Error::DamagedImage)?, size)
}

/// Bytes that the decoder takes for a picture beside its data: for each sample, one of 32 bits and a flag; a copy of the
/// largest plane; and under four bytes for each pixel, for the blocks. Interpolated chroma takes eight more.
fn cost(parameters: &Parameters) -> u64 {
    let bytes_per_pixel = match parameters.sps.chroma_format_idc {
        0 => 5 + 8,
        1 => 8 + 8 + 8,
        2 => 10 + 8 + 8,
        _ => 15 + 8,
    };
    (parameters.coded().pixels() as u64).saturating_mul(bytes_per_pixel)
}

/// A decoded tile.
struct Planes {
    luma: Vec<i32>,
    blue: Vec<i32>,
    red: Vec<i32>,
    /// Samples from row to row, in luma and in chroma.
    strides: (usize, usize),
    /// The first column and row that are shown.
    first: (usize, usize),
    /// The column and row of luma to which the first chroma belongs.
    chroma_first: (usize, usize),
    chroma: Chroma,
    colours: Colours,
}

impl Planes {
    /// Decodes the tile that begins at `place` on the canvas.
    fn decode(tile: &Tile<'_>, coded: &Coded<'_>, place: (usize, usize)) -> Result<Self, Error> {
        let parameters = parameters(tile, coded.tile)?;
        let joined = tile.data()?;
        parameters.check(&joined)?;
        let mut data = Vec::new();
        memory::reserve(&mut data, joined.len())?;
        data.extend_from_slice(&joined);
        let image = ResolvedImage { hevc_config: parameters.configuration, data };
        let (sps, picture) = heic_decoder::decode_one_image(&image).map_err(to_error)?;
        let chroma = Chroma::from_format(sps.chroma_format_idc).ok_or(Error::DamagedImage)?;
        if chroma != Chroma::None && sps.bit_depth_chroma != sps.bit_depth_luma {
            return Err(Error::UnsupportedImage { kind: "HEIC of two depths" });
        }
        let nclx = coded.properties.colour().or_else(|| tile.properties.colour()).unwrap_or_else(|| in_stream(&sps));
        let colours = |chroma| Colours::new(nclx, chroma, sps.bit_depth_luma, coded.alpha.is_some());
        let [left, _, top, _] = sps.conformance_window;
        let mut planes = Self {
            strides: (picture.y.width, picture.cb.width),
            luma: picture.y.into_samples(),
            blue: picture.cb.into_samples(),
            red: picture.cr.into_samples(),
            first: (left as usize, top as usize),
            chroma_first: (0, 0),
            chroma,
            colours: colours(chroma)?,
        };
        if nclx.matrix != 0
            && let Some(view) = View::before_parting(coded.canvas, &coded.transforms, chroma.shifts())?
        {
            planes.interpolate(coded.tile, place, &view)?;
            planes.colours = colours(Chroma::Full)?;
        }
        Ok(planes)
    }

    /// Gives each pixel of `view` its own chroma. What lies in other tiles has no effect.
    fn interpolate(&mut self, tile: Size, place: (usize, usize), view: &View) -> Result<(), Error> {
        let part = |place: usize, tile: u32, first: u32, part: u32| {
            let begin = (first as usize).saturating_sub(place);
            (begin, (tile as usize).min((first as usize + part as usize).saturating_sub(place)).saturating_sub(begin))
        };
        let (left, width) = part(place.0, tile.width, view.left, view.size.width);
        let (top, height) = part(place.1, tile.height, view.top, view.size.height);
        let (columns, rows) = self.chroma.shifts();
        let first = ((left + self.first.0) >> columns, (top + self.first.1) >> rows);
        for plane in [&mut self.blue, &mut self.red] {
            let mut full = Vec::new();
            memory::reserve(&mut full, width * height)?;
            let shared = Shared { samples: plane, stride: self.strides.1, first, rows: rows == 1 };
            full.extend(shared.interpolated(width, height));
            *plane = full;
        }
        self.chroma_first = (left + self.first.0, top + self.first.1);
        (self.strides.1, self.chroma) = (width, Chroma::Full);
        Ok(())
    }

    /// The samples of a row of the tile from the column `x` on.
    fn row(&self, x: usize, y: usize) -> Option<Row<'_>> {
        let (left, top) = (x + self.first.0, y + self.first.1);
        let luma = self.luma.get(top * self.strides.0 + left..(top + 1) * self.strides.0)?;
        if self.chroma == Chroma::None {
            return Some(Row { luma, blue: &[], red: &[], odd: false });
        }
        let (columns, rows) = self.chroma.shifts();
        let (x, y) = (left.checked_sub(self.chroma_first.0)?, top.checked_sub(self.chroma_first.1)?);
        let odd = columns == 1 && x % 2 == 1;
        let (x, y) = (x >> columns, y >> rows);
        let range = y * self.strides.1 + x..(y + 1) * self.strides.1;
        Some(Row { luma, blue: self.blue.get(range.clone())?, red: self.red.get(range)?, odd })
    }
}

/// The colours that the stream states (ITU-T H.265, section E.2.1).
fn in_stream(sps: &Sps) -> Nclx {
    sps.color_info.map_or(UNSTATED, |colours| Nclx {
        primaries: colours.color_primaries,
        transfer: colours.transfer_characteristics,
        matrix: colours.matrix_coefficients,
        full_range: colours.full_range,
    })
}
