//! The first picture of a sequence: the first sample of a track in a `moov` box (ISO/IEC 14496-12, section 8).

use super::boxes::{Boxes, Kind, Numbers, first};
use super::container::{Codec, Coded, Properties};
use super::items::codec;
use crate::error::Error;
use crate::image::Size;
use crate::image::decode::limits::Source;

/// The most tracks of a file, and the most boxes in a sample entry.
const MAX_TRACKS: usize = 64;
const MAX_PROPERTIES: usize = 64;

/// Bytes of a sample entry before its boxes (`VisualSampleEntry`, section 12.1.3).
const ENTRY_HEADER: usize = 78;

/// A track of pictures.
struct Track<'a> {
    id: u32,
    size: Size,
    /// The content of `tref`.
    references: &'a [u8],
    codec: Codec,
    properties: Properties<'a>,
    sample: &'a [u8],
}

/// The first sample of the first track of pictures in the content of a `moov` box, with that of the track of its opacity.
///
/// # Errors
/// [`Error::DamagedImage`], [`Error::UnsupportedImage`]; what [`Stop::check`](crate::stop::Stop::check) returns.
pub(super) fn read<'a>(source: &Source<'a>, movie: &'a [u8]) -> Result<Coded<'a>, Error> {
    let (mut colours, mut alphas, mut error) = (None, Vec::new(), Error::DamagedImage);
    for (_, content) in Boxes(movie).filter(|(kind, _)| kind == b"trak").take(MAX_TRACKS) {
        source.stop.check()?;
        match Track::parse(source.file, content) {
            Ok(track) if track.target(b"auxl").is_some() => alphas.push(track),
            Ok(track) => colours = colours.or(Some(track)),
            Err(fault) => error = fault,
        }
    }
    let track = colours.ok_or(error)?;
    let alpha = alphas.into_iter().find(|alpha| alpha.target(b"auxl") == Some(track.id));
    let premultiplied = alpha.as_ref().is_some_and(|alpha| track.target(b"prem") == Some(alpha.id));
    let mut coded = track.picture()?;
    coded.premultiplied = premultiplied;
    // Two tracks may share no data, as items may not.
    let room =
        source.file.len() - coded.tiles.iter().flat_map(|tile| &tile.extents).map(|extent| extent.len()).sum::<usize>();
    if let Some(alpha) = alpha.filter(|alpha| alpha.sample.len() <= room) {
        coded.alpha = Some(Box::new(alpha.picture()?));
    }
    Ok(coded)
}

impl<'a> Track<'a> {
    fn parse(file: &'a [u8], content: &'a [u8]) -> Result<Self, Error> {
        let (id, size) = header(first(content, b"tkhd")?)?;
        let references = first(content, b"tref").unwrap_or_default();
        let media = first(content, b"mdia")?;
        let table = first(first(media, b"minf")?, b"stbl")?;
        let (kind, entry) = sample_entry(first(table, b"stsd")?)?;
        let codec = codec(kind)?;
        let properties = entry.get(ENTRY_HEADER..).ok_or(Error::DamagedImage)?;
        let properties = Properties(Boxes(properties).take(MAX_PROPERTIES).collect());
        // The track's size is that of its display; libavif takes it for that of the picture.
        let is_stated = codec == Codec::Av1 && size.width > 0 && size.height > 0;
        let size = if is_stated { size } else { entry_size(entry)? };
        Ok(Self { id, size, references, codec, properties, sample: first_sample(file, table)? })
    }

    /// The first track to which this one has a reference of the kind `wanted` (section 8.3.3).
    fn target(&self, wanted: &Kind) -> Option<u32> {
        Numbers(first(self.references, wanted).ok()?).u32().ok()
    }

    fn picture(self) -> Result<Coded<'a>, Error> {
        Coded::single(self.codec, self.size, vec![self.sample], self.properties)
    }
}

/// The number of a track and its size, of which the file states 65,536ths (`tkhd`, section 8.3.2).
fn header(content: &[u8]) -> Result<(u32, Size), Error> {
    let mut numbers = Numbers(content);
    let times = if numbers.version()?.0 == 1 { 8 } else { 4 };
    numbers.take(2 * times)?;
    let id = numbers.u32()?;
    // The duration; the layer, the volume and what lies between; the matrix.
    numbers.take(4 + times + 16 + 36)?;
    Ok((id, Size { width: numbers.u32()? >> 16, height: numbers.u32()? >> 16 }))
}

/// The first entry of `stsd` (section 8.5.2).
fn sample_entry(content: &[u8]) -> Result<(Kind, &[u8]), Error> {
    Boxes(content.get(8..).ok_or(Error::DamagedImage)?).next().ok_or(Error::DamagedImage)
}

/// The size that a sample entry states.
fn entry_size(entry: &[u8]) -> Result<Size, Error> {
    let mut numbers = Numbers(entry.get(24..).ok_or(Error::DamagedImage)?);
    Ok(Size { width: numbers.u16()?.into(), height: numbers.u16()?.into() })
}

/// The first sample of a sample table: the first chunk begins with it (sections 8.7.3 and 8.7.5).
fn first_sample<'a>(file: &'a [u8], table: &'a [u8]) -> Result<&'a [u8], Error> {
    let mut sizes = Numbers(first(table, b"stsz")?);
    sizes.version()?;
    let (shared, count) = (sizes.u32()?, sizes.u32()?);
    if count == 0 {
        return Err(Error::DamagedImage);
    }
    let length = if shared == 0 { sizes.u32()? } else { shared };
    let (chunks, width) =
        first(table, b"stco").map(|chunks| (chunks, 4)).or_else(|_| first(table, b"co64").map(|chunks| (chunks, 8)))?;
    let mut offsets = Numbers(chunks.get(8..).ok_or(Error::DamagedImage)?);
    let begin = usize::try_from(offsets.unsigned(width)?).map_err(|_| Error::DamagedImage)?;
    let end = begin.checked_add(length as usize).ok_or(Error::DamagedImage)?;
    file.get(begin..end).filter(|sample| !sample.is_empty()).ok_or(Error::DamagedImage)
}
