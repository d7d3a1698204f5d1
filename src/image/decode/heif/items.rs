//! The items of a `meta` box (ISO/IEC 14496-12, section 8.11, and ISO/IEC 23008-12): the primary one, the tiles of its grid,
//! its opacity, and where their data is.

use std::collections::{BTreeMap, BTreeSet};

use super::boxes::{Boxes, Kind, Numbers, first};
use super::container::{Codec, Coded, MAX_TILES, Properties, Tile};
use crate::error::Error;
use crate::image::Size;
use crate::image::decode::limits::Source;
use crate::stop::Stop;

/// The most items of a file, references between them, and properties. A phone's picture has under 100 of each.
const MAX_ENTRIES: usize = 4096;

/// The most properties of one item, and extents of one item's data.
const MAX_OF_ITEM: usize = 64;

/// Bytes of a grid's description, at most (ISO/IEC 23008-12, section 6.6.2.3.2).
const MAX_DESCRIPTION: usize = 12;

/// The most items of the kind `iden` that lead to one another.
const MAX_DEPTH: usize = 4;

/// An item, as the boxes describe it.
#[derive(Clone, Copy, Default)]
struct Item<'a> {
    kind: Kind,
    location: Option<Location<'a>>,
    /// Indices of properties, each of one byte, or two where `wide`. The highest bit is no part of the index.
    associations: &'a [u8],
    wide: bool,
}

/// An item's place in `iloc` (ISO/IEC 14496-12, section 8.11.3).
#[derive(Clone, Copy)]
struct Location<'a> {
    /// 0 for offsets in the file, 1 for those in `idat`.
    method: u16,
    base: u64,
    extents: &'a [u8],
    widths: Widths,
}

/// Bytes of the numbers in `iloc`.
#[derive(Clone, Copy)]
struct Widths {
    offset: usize,
    length: usize,
    base: usize,
    index: usize,
}

impl Widths {
    const fn of_extent(self) -> usize {
        self.index + self.offset + self.length
    }
}

/// A reference from an item to others (section 8.11.12).
struct Reference<'a> {
    kind: Kind,
    from: u32,
    to: &'a [u8],
    wide: bool,
}

impl Reference<'_> {
    fn targets(&self) -> impl Iterator<Item = u32> {
        let mut numbers = Numbers(self.to);
        std::iter::from_fn(move || numbers.id(self.wide).ok())
    }
}

/// A `meta` box.
struct Meta<'a> {
    file: &'a [u8],
    stop: &'a Stop,
    data: &'a [u8],
    items: BTreeMap<u32, Item<'a>>,
    properties: Vec<(Kind, &'a [u8])>,
    references: Vec<Reference<'a>>,
    /// The number of all references' targets.
    targets: usize,
    /// Bytes of data that items may still have, and the data that is already counted. Items may share data: encoders write
    /// equal tiles once.
    budget: usize,
    counted: BTreeSet<(usize, usize)>,
}

/// The primary item of the content of a `meta` box.
///
/// # Errors
/// [`Error::DamagedImage`], [`Error::UnsupportedImage`]; what [`Stop::check`] returns.
pub(super) fn read<'a>(source: &Source<'a>, content: &'a [u8]) -> Result<Coded<'a>, Error> {
    let boxes = content.get(4..).ok_or(Error::DamagedImage)?;
    let mut meta = Meta::parse(source, boxes)?;
    let mut primary = Numbers(first(boxes, b"pitm")?);
    let (version, _) = primary.version()?;
    let primary = primary.id(version > 0)?;
    let mut coded = meta.picture(primary, None, MAX_DEPTH)?;
    let alpha = meta.add_alpha(primary, &mut coded);
    // HEIC is read without its opacity.
    if coded.codec == Codec::Av1 {
        alpha?;
    }
    Ok(coded)
}

impl<'a> Meta<'a> {
    fn parse(source: &Source<'a>, boxes: &'a [u8]) -> Result<Self, Error> {
        let Source { file, stop, .. } = *source;
        let (items, properties, references) = (BTreeMap::new(), Vec::new(), Vec::new());
        let (budget, counted) = (file.len(), BTreeSet::new());
        let mut meta = Self { file, stop, data: &[], items, properties, references, targets: 0, budget, counted };
        for (kind, content) in Boxes(boxes) {
            stop.check()?;
            match &kind {
                b"iinf" => meta.parse_kinds(content)?,
                b"iloc" => meta.parse_locations(content)?,
                b"iref" => meta.parse_references(content)?,
                b"iprp" => meta.parse_properties(content)?,
                b"idat" => meta.data = content,
                _ => {}
            }
        }
        Ok(meta)
    }

    /// The item `id`, which is added if it is new.
    fn item(&mut self, id: u32) -> Result<&mut Item<'a>, Error> {
        if self.items.len() >= MAX_ENTRIES && !self.items.contains_key(&id) {
            return Err(Error::UnsupportedImage { kind: "HEIF with thousands of items" });
        }
        Ok(self.items.entry(id).or_default())
    }

    /// `iinf` (section 8.11.6).
    fn parse_kinds(&mut self, content: &'a [u8]) -> Result<(), Error> {
        let mut numbers = Numbers(content);
        let (version, _) = numbers.version()?;
        numbers.id(version > 0)?;
        for (kind, content) in Boxes(numbers.0) {
            self.stop.check()?;
            let mut numbers = Numbers(content);
            let (version, _) = numbers.version()?;
            // Before version 2, entries have no kind and are none of pictures.
            if &kind == b"infe" && version >= 2 {
                let id = numbers.id(version > 2)?;
                numbers.u16()?;
                self.item(id)?.kind = numbers.u32()?.to_be_bytes();
            }
        }
        Ok(())
    }

    /// `iloc` (section 8.11.3).
    fn parse_locations(&mut self, content: &'a [u8]) -> Result<(), Error> {
        let mut numbers = Numbers(content);
        let (version, _) = numbers.version()?;
        let widths = usize::from(numbers.u16()?);
        let width = |shift: usize| widths >> shift & 15;
        let widths = Widths {
            offset: width(12),
            length: width(8),
            base: width(4),
            index: if version == 0 { 0 } else { width(0) },
        };
        if version > 2 || [widths.offset, widths.length, widths.base, widths.index].iter().any(|width| *width > 8) {
            return Err(Error::DamagedImage);
        }
        for _ in 0..numbers.id(version == 2)? {
            self.stop.check()?;
            let id = numbers.id(version == 2)?;
            let method = if version == 0 { 0 } else { numbers.u16()? & 15 };
            numbers.u16()?;
            let base = numbers.unsigned(widths.base)?;
            let count = usize::from(numbers.u16()?);
            // Twelve times 65,535 at most.
            let extents = numbers.take(count * widths.of_extent())?;
            self.item(id)?.location = Some(Location { method, base, extents, widths });
        }
        Ok(())
    }

    /// `iref` (section 8.11.12). Only the kinds that are asked for are kept.
    fn parse_references(&mut self, content: &'a [u8]) -> Result<(), Error> {
        let mut numbers = Numbers(content);
        let wide = numbers.version()?.0 > 0;
        for (kind, content) in Boxes(numbers.0) {
            self.stop.check()?;
            if !matches!(&kind, b"dimg" | b"auxl" | b"prem") {
                continue;
            }
            let mut numbers = Numbers(content);
            let (from, count) = (numbers.id(wide)?, usize::from(numbers.u16()?));
            let to = numbers.take(count * if wide { 4 } else { 2 })?;
            self.targets = self.targets.saturating_add(count.max(1));
            if self.targets > MAX_ENTRIES {
                return Err(Error::UnsupportedImage { kind: "HEIF with thousands of references" });
            }
            self.references.push(Reference { kind, from, to, wide });
        }
        Ok(())
    }

    /// `iprp`: the properties in `ipco`, and the items' in `ipma` (ISO/IEC 23008-12, section 9.3).
    fn parse_properties(&mut self, content: &'a [u8]) -> Result<(), Error> {
        for (kind, content) in Boxes(content) {
            match &kind {
                b"ipco" => self.properties = Boxes(content).take(MAX_ENTRIES).collect(),
                b"ipma" => self.parse_associations(content)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn parse_associations(&mut self, content: &'a [u8]) -> Result<(), Error> {
        let mut numbers = Numbers(content);
        let (version, flags) = numbers.version()?;
        let wide = flags & 1 == 1;
        for _ in 0..numbers.u32()? {
            self.stop.check()?;
            let id = numbers.id(version > 0)?;
            let count = usize::from(numbers.u8()?);
            let associations = numbers.take(count * if wide { 2 } else { 1 })?;
            let item = self.item(id)?;
            (item.associations, item.wide) = (associations, wide);
        }
        Ok(())
    }

    /// The properties of an item, in the order of its associations.
    fn properties(&self, item: &Item<'a>) -> Properties<'a> {
        let mut numbers = Numbers(item.associations);
        let indices = std::iter::from_fn(|| {
            let index = if item.wide { numbers.u16().ok()? & 0x7fff } else { u16::from(numbers.u8().ok()? & 0x7f) };
            Some(usize::from(index))
        });
        // Index 0 stands for no property.
        let listed = indices.filter_map(|index| self.properties.get(index.checked_sub(1)?).copied());
        Properties(listed.take(MAX_OF_ITEM).collect())
    }

    /// The parts of an item's data. Together they may not be longer than the file, nor may the different parts of all items.
    fn extents(&mut self, item: &Item<'a>) -> Result<Vec<&'a [u8]>, Error> {
        let location = item.location.ok_or(Error::DamagedImage)?;
        let whole = match location.method {
            0 => self.file,
            1 => self.data,
            _ => return Err(Error::UnsupportedImage { kind: "HEIF with data made from other data" }),
        };
        let (mut numbers, widths) = (Numbers(location.extents), location.widths);
        // Numbers of no bytes stand for all of the data.
        let count = location.extents.len().checked_div(widths.of_extent()).unwrap_or(1);
        if count > MAX_OF_ITEM {
            return Err(Error::UnsupportedImage { kind: "HEIF with data in very many parts" });
        }
        let (mut extents, mut budget) = (Vec::new(), self.file.len());
        for _ in 0..count {
            numbers.take(widths.index)?;
            let begin = numbers.unsigned(widths.offset)?.checked_add(location.base).ok_or(Error::DamagedImage)?;
            let begin = usize::try_from(begin).map_err(|_| Error::DamagedImage)?;
            let length = usize::try_from(numbers.unsigned(widths.length)?).map_err(|_| Error::DamagedImage)?;
            let rest = whole.get(begin..).ok_or(Error::DamagedImage)?;
            // A length of 0 stands for the rest (ISO/IEC 14496-12, section 8.11.3.3).
            let extent = if length == 0 { Some(rest) } else { rest.get(..length) }.ok_or(Error::DamagedImage)?;
            budget = budget.checked_sub(extent.len()).ok_or(Error::DamagedImage)?;
            if self.counted.insert((extent.as_ptr().addr(), extent.len())) {
                self.budget = self.budget.checked_sub(extent.len()).ok_or(Error::DamagedImage)?;
            }
            extents.push(extent);
        }
        Ok(extents)
    }

    /// The targets of the references of one kind from `id`: at most one more than a picture may have tiles.
    fn targets(&self, wanted: Kind, id: u32) -> Vec<u32> {
        let references = self.references.iter().filter(|reference| reference.kind == wanted && reference.from == id);
        references.flat_map(Reference::targets).take(MAX_TILES + 1).collect()
    }

    /// The picture that the item `id` holds or is made of. `size` is that of a picture that does not state its own.
    fn picture(&mut self, id: u32, size: Option<Size>, depth: usize) -> Result<Coded<'a>, Error> {
        let item = *self.items.get(&id).ok_or(Error::DamagedImage)?;
        let properties = self.properties(&item);
        match &item.kind {
            b"grid" => self.grid(id, &item, properties),
            b"iden" => {
                let (Some(depth), &[inner]) = (depth.checked_sub(1), &self.targets(*b"dimg", id)[..]) else {
                    return Err(Error::DamagedImage);
                };
                let mut coded = self.picture(inner, size, depth)?;
                coded.transforms.extend(properties.transforms()?);
                Ok(coded)
            }
            kind => {
                let codec = codec(*kind)?;
                let size = properties.size().or(size).ok_or(Error::DamagedImage)?;
                Coded::single(codec, size, self.extents(&item)?, properties)
            }
        }
    }

    /// A picture of several items (`ImageGrid`; ISO/IEC 23008-12, section 6.6.2.3).
    fn grid(&mut self, id: u32, item: &Item<'a>, properties: Properties<'a>) -> Result<Coded<'a>, Error> {
        let description: Vec<u8> = self.extents(item)?.into_iter().flatten().copied().take(MAX_DESCRIPTION).collect();
        let mut numbers = Numbers(&description);
        let (version, flags) = (numbers.u8()?, numbers.u8()?);
        let (rows, columns) = (usize::from(numbers.u8()?) + 1, usize::from(numbers.u8()?) + 1);
        let wide = flags & 1 == 1;
        let canvas = Size { width: numbers.id(wide)?, height: numbers.id(wide)? };
        if version != 0 {
            return Err(Error::DamagedImage);
        }
        if rows * columns > MAX_TILES {
            return Err(Error::UnsupportedImage { kind: "HEIF with more than 256 tiles" });
        }
        let targets = self.targets(*b"dimg", id);
        if targets.len() != rows * columns {
            return Err(Error::DamagedImage);
        }
        self.tiles(&targets, columns, canvas, properties)
    }

    /// A picture of the items `ids`, which are tiles of one codec and one size.
    fn tiles(
        &mut self,
        ids: &[u32],
        columns: usize,
        canvas: Size,
        properties: Properties<'a>,
    ) -> Result<Coded<'a>, Error> {
        let mut shared = None;
        let mut tiles = Vec::new();
        for id in ids {
            self.stop.check()?;
            let item = *self.items.get(id).ok_or(Error::DamagedImage)?;
            let properties = self.properties(&item);
            let this = (codec(item.kind)?, properties.size().ok_or(Error::DamagedImage)?);
            if *shared.get_or_insert(this) != this {
                return Err(Error::DamagedImage);
            }
            tiles.push(Tile { extents: self.extents(&item)?, properties });
        }
        let (codec, tile) = shared.ok_or(Error::DamagedImage)?;
        Coded::grid(codec, canvas, tile, columns, tiles, properties)
    }

    /// Finds the opacity of the item `id`: an item that refers to it, or one for each tile of its grid.
    fn add_alpha(&mut self, id: u32, coded: &mut Coded<'a>) -> Result<(), Error> {
        if let Some(alpha) = self.alpha_of(id) {
            coded.premultiplied = self.targets(*b"prem", id).contains(&alpha);
            coded.alpha = Some(Box::new(self.picture(alpha, Some(coded.canvas), MAX_DEPTH)?));
        } else if coded.tiles.len() > 1 {
            let tiles = self.targets(*b"dimg", id);
            let mut alphas = Vec::new();
            for tile in &tiles {
                self.stop.check()?;
                let Some(alpha) = self.alpha_of(*tile) else { return Ok(()) };
                alphas.push(alpha);
            }
            let mut pairs = tiles.iter().zip(&alphas);
            coded.premultiplied = pairs.all(|(tile, alpha)| self.targets(*b"prem", *tile).contains(alpha));
            let picture = self.tiles(&alphas, coded.columns, coded.canvas, Properties::default())?;
            coded.alpha = Some(Box::new(picture));
        }
        Ok(())
    }

    /// The first item that is the opacity of `id`.
    fn alpha_of(&self, id: u32) -> Option<u32> {
        let references = self.references.iter().filter(|reference| &reference.kind == b"auxl");
        let mut from = references.filter(|reference| reference.targets().any(|target| target == id));
        let is_alpha = |item: &Item<'a>| self.properties(item).is_alpha();
        from.find(|reference| self.items.get(&reference.from).is_some_and(is_alpha)).map(|reference| reference.from)
    }
}

/// The codec of items of this kind.
pub(super) fn codec(kind: Kind) -> Result<Codec, Error> {
    match &kind {
        b"hvc1" | b"hev1" => Ok(Codec::Hevc),
        b"av01" => Ok(Codec::Av1),
        b"jpeg" => Err(Error::UnsupportedImage { kind: "HEIF with JPEG inside" }),
        b"avc1" => Err(Error::UnsupportedImage { kind: "HEIF with H.264 inside" }),
        b"vvc1" => Err(Error::UnsupportedImage { kind: "HEIF with H.266 inside" }),
        b"j2k1" => Err(Error::UnsupportedImage { kind: "HEIF with JPEG 2000 inside" }),
        b"unci" => Err(Error::UnsupportedImage { kind: "HEIF with uncompressed pixels" }),
        b"iovl" => Err(Error::UnsupportedImage { kind: "HEIF with an overlay" }),
        _ => Err(Error::UnsupportedImage { kind: "This kind of HEIF" }),
    }
}
