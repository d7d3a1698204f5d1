//! Where the parts of a picture are in the file: strips, which are as wide as the picture, or tiles (TIFF 6.0, sections 3
//! and 15).

use super::compression::Compression;
use super::tags::{self, List, Tags};
use crate::error::Error;
use crate::image::Size;

/// The strips or tiles of a picture.
pub(super) struct Layout<'a> {
    size: Size,
    /// The size of a strip or tile. The last ones may reach past the picture's edges.
    pub(super) block: Size,
    across: usize,
    down: usize,
    offsets: List<'a>,
    counts: Option<List<'a>>,
    is_raw: bool,
    is_planar: bool,
    pub(super) is_tiled: bool,
}

/// A strip or a tile.
#[derive(Clone, Copy)]
pub(super) struct Block {
    index: usize,
    /// The place of its first pixel in the picture.
    pub(super) x: usize,
    pub(super) y: usize,
    /// The part of it that is inside the picture.
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<'a> Layout<'a> {
    pub(super) fn of(tags: &Tags<'a>, size: Size, compression: Compression) -> Result<Self, Error> {
        let side = |tag| tags.number(tag).map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let (strips, tiles) = (tags.list(tags::STRIP_OFFSETS), tags.list(tags::TILE_OFFSETS));
        let is_raw = compression == Compression::None;
        // Some programs give tiles the tag of the offsets of strips. Pillow reads these as strips if they are not compressed.
        let is_tiled = tiles.is_some() || !is_raw && tags.number(tags::TILE_WIDTH).is_some();
        let is_tiled = is_tiled && !(is_raw && strips.is_some());
        let block = if is_tiled {
            let (width, height) = (side(tags::TILE_WIDTH), side(tags::TILE_HEIGHT));
            Size { width: width.ok_or(Error::DamagedImage)?, height: height.ok_or(Error::DamagedImage)? }
        } else {
            Size { width: size.width, height: side(tags::ROWS_PER_STRIP).unwrap_or(u32::MAX).min(size.height) }
        };
        if block.width == 0 || block.height == 0 {
            return Err(Error::DamagedImage);
        }
        Ok(Self {
            size,
            block,
            across: size.width.div_ceil(block.width) as usize,
            down: size.height.div_ceil(block.height) as usize,
            offsets: strips.or(tiles).ok_or(Error::DamagedImage)?,
            counts: tags.list(tags::STRIP_BYTE_COUNTS).or_else(|| tags.list(tags::TILE_BYTE_COUNTS)),
            is_raw,
            is_planar: tags.is_planar(),
            is_tiled,
        })
    }

    /// The strips or tiles, row by row. There are as many for each plane.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let block = (self.block.width as usize, self.block.height as usize);
        let across = self.across;
        (0..across.saturating_mul(self.down)).map(move |index| {
            // Both are inside the picture, so these do not overflow.
            let (x, y) = (index % across * block.0, index / across * block.1);
            Block { index, x, y, width: block.0.min(width - x), height: block.1.min(height - y) }
        })
    }

    /// Whether one strip or tile of exactly the picture's size is all.
    pub(super) fn is_whole(&self) -> bool {
        (self.block.width, self.block.height) == (self.size.width, self.size.height)
    }

    /// The data of `block` in `plane`, perhaps with more behind it. `None` if uncompressed data is missing, which Pillow leaves
    /// black.
    pub(super) fn data(&self, file: &'a [u8], block: Block, plane: usize) -> Result<Option<&'a [u8]>, Error> {
        let blocks = self.across.saturating_mul(self.down);
        let mut index = plane.saturating_mul(blocks).saturating_add(block.index);
        if self.is_raw && !self.is_planar && index < self.offsets.count() {
            // Pillow begins anew from the top where there are more offsets than strips: the last one counts.
            index += (self.offsets.count() - 1 - index) / blocks * blocks;
        }
        let Some(offset) = self.offsets.get(index) else {
            return if self.is_raw { Ok(None) } else { Err(Error::DamagedImage) };
        };
        let rest = usize::try_from(offset).ok().and_then(|offset| file.get(offset..)).ok_or(Error::DamagedImage)?;
        // Pillow does not look at the lengths of uncompressed data, and libtiff guesses those that are missing.
        let count =
            self.counts.filter(|_| !self.is_raw).and_then(|counts| counts.get(index)).filter(|count| *count > 0);
        let Some(count) = count else { return Ok(Some(rest)) };
        usize::try_from(count).ok().and_then(|count| rest.get(..count)).map(Some).ok_or(Error::DamagedImage)
    }
}
