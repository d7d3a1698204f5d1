//! The tiles of an AVIF picture, put together row by row.
//!
//! libavif puts the planes of all tiles together before it converts them, so that chroma is interpolated across the edges of
//! tiles. Here at most two rows of tiles are held: the one that is converted, and its neighbour.

use std::collections::VecDeque;

use super::av1_decoder::{self, Choice, Frame};
use super::av1_stream::{Sequence, Summary, summary};
use super::container::{Coded, Tile};
use super::yuv::{Layout, Planes};
use crate::error::Error;
use crate::image::Size;
use crate::image::decode::limits::Source;
use crate::stop::Stop;

/// What all tiles have in common, and what decoding them takes.
pub(super) struct Plan {
    pub(super) sequence: Sequence,
    /// Bytes, estimated from above.
    pub(super) cost: u64,
}

/// Reads the headers of all tiles.
///
/// # Errors
/// Those of [`Source::check`] for the size of a tile; [`Error::DamagedImage`] if the tiles differ in their form, or if tiles of
/// an odd size share chroma; [`Error::OutOfMemory`]; what [`Stop::check`] returns.
pub(super) fn plan(source: &Source<'_>, coded: &Coded<'_>) -> Result<Plan, Error> {
    let Size { width, height } = source.check(coded.tile)?;
    let mut common: Option<Summary> = None;
    let mut longest = 0;
    for tile in &coded.tiles {
        let stream = tile.data()?;
        let found = summary(&stream, source.stop)?;
        let common = common.get_or_insert(found);
        let form = |sequence: &Sequence| (sequence.layout, sequence.bits);
        if form(&common.sequence) != form(&found.sequence) {
            return Err(Error::DamagedImage);
        }
        common.frames = common.frames.max(found.frames);
        common.sequence.has_grain |= found.sequence.has_grain;
        longest = longest.max(stream.len());
    }
    let common = common.ok_or(Error::DamagedImage)?;
    let is_odd = match common.sequence.layout {
        Layout::Gray | Layout::Full => false,
        Layout::Half => !width.is_multiple_of(2),
        Layout::Quarter => !(width | height).is_multiple_of(2),
    };
    if coded.tiles.len() > 1 && is_odd {
        return Err(Error::DamagedImage);
    }
    let held = match coded.tiles.len() {
        1 => 0,
        tiles => av1_decoder::planes(&common.sequence, coded.tile).saturating_mul(tiles.min(2 * coded.columns) as u64),
    };
    // A stream is copied unit by unit, and whole where it lies in several parts.
    let cost = av1_decoder::cost(&common, coded.tile).saturating_add(2 * longest as u64).saturating_add(held);
    Ok(Plan { sequence: common.sequence, cost })
}

/// Decodes the tiles, and calls `row` with the number of each row of the picture and the planes that have it.
///
/// # Errors
/// [`Error::DamagedImage`] if a tile can't be decoded, or is not of the size or form that its headers state;
/// [`Error::OutOfMemory`]; those of `row`; what [`Stop::check`] returns.
pub(super) fn rows(
    coded: &Coded<'_>,
    plan: &Plan,
    stop: &Stop,
    mut row: impl FnMut(usize, &Mosaic) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut mosaic = Mosaic { tile: coded.tile, layout: plan.sequence.layout, first: 0, rows: VecDeque::new() };
    let mut next = 0;
    let (height, whole) = (coded.tile.height as usize, coded.canvas.height as usize);
    for (index, tiles) in coded.tiles.chunks(coded.columns.max(1)).enumerate() {
        if index > 1 {
            mosaic.rows.pop_front();
            mosaic.first += 1;
        }
        let decoded = tiles.iter().map(|tile| decode(coded, plan, tile, stop)).collect::<Result<_, _>>()?;
        mosaic.rows.push_back(decoded);
        // The last row of pixels needs the chroma of the next row of tiles.
        let below = (index + 1).saturating_mul(height);
        let end = if below >= whole { whole } else { below - 1 };
        while next < end {
            if next.is_multiple_of(16) {
                stop.check()?;
            }
            row(next, &mosaic)?;
            next += 1;
        }
    }
    Ok(())
}

fn decode(coded: &Coded<'_>, plan: &Plan, tile: &Tile<'_>, stop: &Stop) -> Result<Frame, Error> {
    let properties = &tile.properties;
    let layer = properties.get(b"lsel").and_then(|content| content.first_chunk()).map(|id| u16::from_be_bytes(*id));
    let choice = Choice {
        most: coded.tile,
        operating_point: properties.get(b"a1op").and_then(|content| content.first()).copied().unwrap_or(0),
        // This value stands for any layer.
        layer: layer.filter(|layer| *layer != u16::MAX),
    };
    let frame = av1_decoder::decode(&tile.data()?, &choice, stop)?;
    let is_expected =
        frame.size == coded.tile && (frame.layout, frame.bits) == (plan.sequence.layout, plan.sequence.bits);
    if is_expected { Ok(frame) } else { Err(Error::DamagedImage) }
}

/// One or two rows of decoded tiles.
pub(super) struct Mosaic {
    tile: Size,
    layout: Layout,
    /// The number of the first row of tiles that is held.
    first: usize,
    rows: VecDeque<Vec<Frame>>,
}

impl Planes for Mosaic {
    fn read(&self, plane: usize, row: usize, samples: &mut [u16]) -> Result<(), Error> {
        let tile = if plane == 0 { self.tile } else { self.layout.chroma(self.tile) };
        let (width, height) = (tile.width.max(1) as usize, tile.height.max(1) as usize);
        let tiles = (row / height).checked_sub(self.first).and_then(|index| self.rows.get(index));
        for (part, tile) in samples.chunks_mut(width).zip(tiles.ok_or(Error::DamagedImage)?) {
            tile.read(plane, row % height, part)?;
        }
        Ok(())
    }
}
