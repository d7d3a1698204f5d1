//! The picture of a HEIF file as its container describes it: coded tiles, and what is to be done with them.
//!
//! A still picture is an item of the file's `meta` box ([`super::items`]); a sequence is a track of its `moov` box
//! ([`super::track`]). Nothing is decoded here, and no memory is taken that grows with the file.

use std::borrow::Cow;

use super::boxes::{Boxes, Kind, Numbers};
use super::{items, track};
use crate::error::Error;
use crate::image::Size;
use crate::image::decode::limits::Source;
use crate::memory;

/// The most tiles of a picture.
pub(super) const MAX_TILES: usize = 256;

/// The way in which tiles are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// HEVC (ITU-T H.265): HEIC.
    Hevc,
    /// AV1: AVIF.
    Av1,
}

/// A picture of tiles of one size. A picture without a grid has one tile.
#[derive(Debug)]
pub(super) struct Coded<'a> {
    /// The codec of all tiles.
    pub(super) codec: Codec,
    /// The size of the whole picture before its transforms. It is not yet held against any limit.
    pub(super) canvas: Size,
    /// The size of a tile. Those of the last column and row may pass the canvas's edge, but all begin on the canvas, and
    /// together they cover it.
    pub(super) tile: Size,
    /// Tiles in a row.
    pub(super) columns: usize,
    /// The tiles, row by row; at least one and at most [`MAX_TILES`].
    pub(super) tiles: Vec<Tile<'a>>,
    /// The properties of the whole picture. Those of a picture without a grid are those of its tile.
    pub(super) properties: Properties<'a>,
    /// The transforms of the whole picture, in the order in which they are applied.
    pub(super) transforms: Vec<Transform>,
    /// The picture's opacity, which has its own tiles and never has an opacity itself.
    pub(super) alpha: Option<Box<Coded<'a>>>,
    /// The colours are multiplied by the opacity.
    pub(super) premultiplied: bool,
}

impl<'a> Coded<'a> {
    /// A picture of one tile.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] for a transform that is cut short.
    pub(super) fn single(
        codec: Codec,
        size: Size,
        extents: Vec<&'a [u8]>,
        properties: Properties<'a>,
    ) -> Result<Self, Error> {
        Self::grid(codec, size, size, 1, vec![Tile { extents, properties: properties.clone() }], properties)
    }

    /// A picture of tiles of one size.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] for tiles that do not cover the canvas, or of which some lie outside of it; for a transform
    /// that is cut short.
    pub(super) fn grid(
        codec: Codec,
        canvas: Size,
        tile: Size,
        columns: usize,
        tiles: Vec<Tile<'a>>,
        properties: Properties<'a>,
    ) -> Result<Self, Error> {
        let fits = |count: usize, tile: u32, canvas: u32| {
            let (count, tile, canvas) = (count as u64, u64::from(tile), u64::from(canvas));
            count.saturating_mul(tile) >= canvas && count.saturating_sub(1).saturating_mul(tile) < canvas
        };
        let rows = tiles.len().checked_div(columns).ok_or(Error::DamagedImage)?;
        if !fits(columns, tile.width, canvas.width) || !fits(rows, tile.height, canvas.height) {
            return Err(Error::DamagedImage);
        }
        let transforms = properties.transforms()?;
        let (alpha, premultiplied) = (None, false);
        Ok(Self { codec, canvas, tile, columns, tiles, properties, transforms, alpha, premultiplied })
    }
}

/// A compressed picture.
#[derive(Debug)]
pub(super) struct Tile<'a> {
    /// The parts of its data, in order; together no longer than the file, as are the different parts of all tiles.
    pub(super) extents: Vec<&'a [u8]>,
    /// What is said of this tile alone.
    pub(super) properties: Properties<'a>,
}

impl<'a> Tile<'a> {
    /// The compressed data in one piece.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn data(&self) -> Result<Cow<'a, [u8]>, Error> {
        if let [only] = self.extents[..] {
            return Ok(Cow::Borrowed(only));
        }
        let mut joined = Vec::new();
        memory::reserve(&mut joined, self.extents.iter().map(|extent| extent.len()).sum())?;
        self.extents.iter().for_each(|extent| joined.extend_from_slice(extent));
        Ok(Cow::Owned(joined))
    }
}

/// A change of the picture's geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    /// A turn of so many quarters counter-clockwise, 0 to 3 (`irot`; ISO/IEC 23008-12, section 6.5.10).
    Turn(u8),
    /// Left and right are exchanged (`imir` of axis 1; section 6.5.12).
    MirrorX,
    /// Top and bottom are exchanged (`imir` of axis 0).
    MirrorY,
    /// All but a part is cut off (`clap`; ISO/IEC 14496-12, section 12.1.4).
    Crop(Aperture),
}

/// A clean aperture: fractions of a numerator and a denominator, neither of which is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aperture {
    pub(super) width: (u32, u32),
    pub(super) height: (u32, u32),
    /// From the picture's centre to the aperture's.
    pub(super) left: (i32, u32),
    pub(super) top: (i32, u32),
}

/// How numbers stand for colours, by the code points of ITU-T H.273 (`colr` of the kind `nclx`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nclx {
    pub(super) primaries: u16,
    pub(super) transfer: u16,
    pub(super) matrix: u16,
    pub(super) full_range: bool,
}

/// The properties of an item, or the boxes of a track's sample entry: kind and content.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties<'a>(pub(super) Vec<(Kind, &'a [u8])>);

impl<'a> Properties<'a> {
    /// The content of the first property of this kind.
    pub(super) fn get(&self, wanted: &Kind) -> Option<&'a [u8]> {
        self.0.iter().find(|(kind, _)| kind == wanted).map(|(_, content)| *content)
    }

    /// Width and height in pixels (`ispe`; ISO/IEC 23008-12, section 6.5.3).
    pub(super) fn size(&self) -> Option<Size> {
        let mut numbers = Numbers(self.get(b"ispe")?.get(4..)?);
        Some(Size { width: numbers.u32().ok()?, height: numbers.u32().ok()? })
    }

    /// The decoder's configuration: the content of `hvcC` or `av1C`.
    #[cfg(feature = "heic")]
    pub(super) fn configuration(&self, codec: Codec) -> Option<&'a [u8]> {
        self.get(match codec {
            Codec::Hevc => b"hvcC",
            Codec::Av1 => b"av1C",
        })
    }

    /// The first `colr` of the kind `nclx` (ISO/IEC 14496-12, section 12.1.5).
    pub(super) fn colour(&self) -> Option<Nclx> {
        let mut colours = self.0.iter().filter(|(kind, _)| kind == b"colr");
        let mut numbers = Numbers(colours.find_map(|(_, content)| content.strip_prefix(b"nclx"))?);
        let (primaries, transfer, matrix) = (numbers.u16().ok()?, numbers.u16().ok()?, numbers.u16().ok()?);
        Some(Nclx { primaries, transfer, matrix, full_range: numbers.u8().ok()? & 0x80 != 0 })
    }

    /// Whether `auxC` says that the picture is an opacity (ISO/IEC 23008-12, section 6.5.8; ITU-T H.265, table F.2).
    pub(super) fn is_alpha(&self) -> bool {
        let name = self.get(b"auxC").and_then(|content| content.get(4..)).unwrap_or_default();
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        name == b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" || name == b"urn:mpeg:hevc:2015:auxid:1"
    }

    /// The transforms, in order.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] for one that is cut short.
    pub(super) fn transforms(&self) -> Result<Vec<Transform>, Error> {
        self.0.iter().filter_map(|(kind, content)| transform(kind, content).transpose()).collect()
    }
}

/// The transform that a property asks for.
fn transform(kind: &Kind, content: &[u8]) -> Result<Option<Transform>, Error> {
    let mut numbers = Numbers(content);
    Ok(match kind {
        b"irot" => Some(Transform::Turn(numbers.u8()? & 3)),
        b"imir" => Some(if numbers.u8()? & 1 == 1 { Transform::MirrorX } else { Transform::MirrorY }),
        b"clap" => {
            let (width, height) = ((numbers.u32()?, numbers.u32()?), (numbers.u32()?, numbers.u32()?));
            let left = (numbers.u32()?.cast_signed(), numbers.u32()?);
            let top = (numbers.u32()?.cast_signed(), numbers.u32()?);
            Some(Transform::Crop(Aperture { width, height, left, top }))
        }
        _ => None,
    })
}

/// Finds the picture of a file.
///
/// It is the primary item. A sequence of AV1 pictures comes before it where the first brand is `avis`, or where it is not
/// `avif` either (libavif, read.c, `avifDecoderReset`); any other sequence, where there is no primary item that can be read.
///
/// # Errors
/// [`Error::DamagedImage`], [`Error::UnsupportedImage`]; what [`Stop::check`](crate::stop::Stop::check) returns.
pub(super) fn read<'a>(source: &Source<'a>) -> Result<Coded<'a>, Error> {
    let (mut meta, mut movie, mut brand) = (None, None, None);
    for (kind, content) in Boxes(source.file) {
        match &kind {
            b"ftyp" => brand = brand.or(content.get(..4)),
            b"meta" => meta = meta.or(Some(content)),
            b"moov" => movie = movie.or(Some(content)),
            _ => {}
        }
    }
    let sequence = movie.map(|movie| track::read(source, movie));
    let comes_first = |coded: &Coded<'_>| coded.codec == Codec::Av1 && brand != Some(b"avif");
    if sequence.as_ref().is_some_and(|sequence| sequence.as_ref().is_ok_and(comes_first)) {
        return sequence.unwrap_or(Err(Error::DamagedImage));
    }
    let still = meta.map_or(Err(Error::DamagedImage), |meta| items::read(source, meta));
    still.or_else(|error| sequence.and_then(Result::ok).ok_or(error))
}
