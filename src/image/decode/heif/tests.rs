//! The container against files that lie, and HEIC against pillow-heif's pixels (`scripts/fixtures/heif.py`).

use super::container::{Coded, Transform};
use super::*;
use crate::image::Size;
use crate::image::decode::Limits;
use crate::stop::Stop;

const LIMITS: Limits = Limits { max_pixels: 50_000_000, max_bytes: 640_000_000, resize_bytes: 720 };

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
    [&length[..], kind, content].concat()
}

fn full(kind: &[u8; 4], version: u8, content: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], content].concat())
}

fn shorts(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn ispe(width: u32, height: u32) -> Vec<u8> {
    full(b"ispe", 0, &[width.to_be_bytes(), height.to_be_bytes()].concat())
}

/// A file of items, the first of which is the primary one. Items have the numbers from 1 on.
struct File {
    kinds: Vec<[u8; 4]>,
    /// Content of `iloc` behind its version.
    locations: Vec<u8>,
    version: u8,
    properties: Vec<Vec<u8>>,
    associations: Vec<Vec<u8>>,
    references: Vec<([u8; 4], u16, Vec<u16>)>,
    inline: Vec<u8>,
}

impl File {
    /// Items without any data but what `inline` holds: each item has the whole of it.
    fn new(kinds: &[&[u8; 4]], inline: &[u8]) -> Self {
        let count = u16::try_from(kinds.len()).unwrap();
        let mut locations = shorts(&[0x4400, count]);
        for id in 1..=count {
            locations.extend(shorts(&[id, 1, 0, 1, 0, 0, 0, u16::try_from(inline.len()).unwrap()]));
        }
        Self {
            kinds: kinds.iter().map(|kind| **kind).collect(),
            locations,
            version: 1,
            properties: vec![ispe(64, 48)],
            associations: vec![vec![1]; kinds.len()],
            references: Vec::new(),
            inline: inline.to_vec(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let number = |index: usize| u16::try_from(index + 1).unwrap();
        let infos = self
            .kinds
            .iter()
            .enumerate()
            .map(|(index, kind)| full(b"infe", 2, &[&shorts(&[number(index), 0]), &kind[..], b"\0"].concat()));
        let infos = [shorts(&[u16::try_from(self.kinds.len()).unwrap()]), infos.collect::<Vec<_>>().concat()].concat();
        let mut associations = u32::try_from(self.associations.len()).unwrap().to_be_bytes().to_vec();
        for (index, places) in self.associations.iter().enumerate() {
            associations.extend(number(index).to_be_bytes());
            associations.push(u8::try_from(places.len()).unwrap());
            associations.extend(places);
        }
        let references = self.references.iter().map(|(kind, from, to)| {
            boxed(kind, &[shorts(&[*from, u16::try_from(to.len()).unwrap()]), shorts(to)].concat())
        });
        let content = [
            full(b"pitm", 0, &shorts(&[1])),
            full(b"iinf", 0, &infos),
            full(b"iloc", self.version, &self.locations),
            boxed(b"iprp", &[boxed(b"ipco", &self.properties.concat()), full(b"ipma", 0, &associations)].concat()),
            full(b"iref", 0, &references.collect::<Vec<_>>().concat()),
            boxed(b"idat", &self.inline),
        ];
        [boxed(b"ftyp", b"mif1\0\0\0\0heic"), full(b"meta", 0, &content.concat())].concat()
    }
}

/// A grid of `columns` by `rows` tiles of 64 x 48 pixels.
fn grid(columns: u8, rows: u8, width: u16, height: u16, tiles: usize) -> File {
    let description = [&[0, 0, rows - 1, columns - 1][..], &shorts(&[width, height])].concat();
    let kinds = [vec![b"grid"], vec![b"hvc1"; tiles]].concat();
    let mut file = File::new(&kinds, &description);
    file.references.push((*b"dimg", 1, (2..).take(tiles).collect()));
    file
}

fn read<T>(file: &[u8], seen: impl FnOnce(&Coded<'_>) -> T) -> Result<T, Error> {
    let stop = Stop::never();
    container::read(&Source { file, limits: LIMITS, stop: &stop }).map(|coded| seen(&coded))
}

fn canvas(file: &File) -> Result<(u32, u32, usize), Error> {
    read(&file.bytes(), |coded| (coded.canvas.width, coded.canvas.height, coded.tiles.len()))
}

#[test]
fn one_item_is_a_picture() {
    let mut file = File::new(&[b"av01"], b"data");
    file.properties.push(boxed(b"irot", &[1]));
    file.properties.push(boxed(b"colr", b"nclx\0\x01\0\x0d\0\x06\x80"));
    // Index 0 stands for no property, and one that is not there has no effect.
    file.associations = vec![vec![0, 0x81, 2, 3, 9]];
    let bytes = file.bytes();
    let picture = read(&bytes, |coded| {
        let colour = coded.properties.colour().map(|nclx| (nclx.matrix, nclx.full_range));
        (coded.codec, coded.tile, coded.tiles[0].data().unwrap().to_vec(), coded.transforms.clone(), colour)
    });
    let size = Size { width: 64, height: 48 };
    let expected = (Codec::Av1, size, b"data".to_vec(), vec![Transform::Turn(1)], Some((6, true)));
    assert_eq!(picture, Ok(expected));
}

#[test]
fn tiles_cover_the_canvas_and_begin_on_it() {
    assert_eq!(canvas(&grid(2, 2, 100, 90, 4)), Ok((100, 90, 4)));
    assert_eq!(canvas(&grid(2, 2, 128, 96, 4)), Ok((128, 96, 4)));
    assert_eq!(canvas(&grid(16, 16, 1000, 760, 256)), Ok((1000, 760, 256)));
    for damaged in [
        grid(2, 2, 129, 96, 4),
        grid(2, 2, 128, 97, 4),
        grid(2, 2, 64, 96, 4),
        grid(2, 2, 128, 48, 4),
        grid(2, 2, 100, 90, 3),
        grid(2, 2, 100, 90, 5),
        grid(1, 1, 0, 0, 1),
    ] {
        assert_eq!(canvas(&damaged), Err(Error::DamagedImage));
    }
    assert!(matches!(canvas(&grid(255, 255, 64, 48, 4)), Err(Error::UnsupportedImage { .. })));
    let mut mixed = grid(2, 1, 128, 48, 2);
    mixed.kinds[2] = *b"av01";
    assert_eq!(canvas(&mixed), Err(Error::DamagedImage));
    let mut nested = grid(1, 1, 64, 48, 1);
    nested.kinds[1] = *b"grid";
    assert!(matches!(canvas(&nested), Err(Error::UnsupportedImage { .. })));
}

#[test]
fn items_that_lead_to_themselves_are_damaged() {
    let mut file = File::new(&[b"iden", b"iden"], b"");
    file.references = vec![(*b"dimg", 1, vec![2]), (*b"dimg", 2, vec![1])];
    assert_eq!(canvas(&file), Err(Error::DamagedImage));
    file.kinds[1] = *b"hvc1";
    assert_eq!(canvas(&file), Ok((64, 48, 1)));
    // An opacity of itself.
    file.properties.push(full(b"auxC", 0, b"urn:mpeg:hevc:2015:auxid:1\0"));
    file.associations[0] = vec![1, 2];
    file.references.push((*b"auxl", 1, vec![1]));
    assert_eq!(canvas(&file), Ok((64, 48, 1)));
}

/// An item with many extents over the whole of its data.
#[test]
fn extents_that_add_up_to_more_than_the_file_are_refused() {
    let with = |count: u16, length: u16| {
        let mut file = File::new(&[b"hvc1"], &[7; 1000]);
        file.locations = shorts(&[0x4400, 1, 1, 1, 0, count]);
        for _ in 0..count {
            file.locations.extend(shorts(&[0, 0, 0, length]));
        }
        let bytes = file.bytes();
        read(&bytes, |coded| coded.tiles[0].data().map(|data| data.len()))
    };
    assert_eq!(with(3, 400), Ok(Ok(1200)));
    assert_eq!(with(3, 1000), Err(Error::DamagedImage));
    assert_eq!(with(1, 1001), Err(Error::DamagedImage));
    assert!(matches!(with(65, 1), Err(Error::UnsupportedImage { .. })));
    assert!(matches!(with(20_000, 1000), Err(Error::UnsupportedImage { .. })));
}

#[test]
fn numbers_that_overflow_are_damaged() {
    let with = |widths: u16, place: &[u8]| {
        let mut file = File::new(&[b"hvc1"], b"data");
        file.locations = [shorts(&[widths, 1, 1, 1, 0]), place.to_vec()].concat();
        let bytes = file.bytes();
        read(&bytes, |coded| coded.tiles[0].data().map(|data| data.to_vec()))
    };
    let all = [&[0; 8][..], &[0, 1]].concat();
    assert_eq!(with(0x0080, &all), Ok(Ok(b"data".to_vec())));
    assert_eq!(with(0x8880, &[&[0xff; 8][..], &[0, 1], &[0xff; 16]].concat()), Err(Error::DamagedImage));
    assert_eq!(with(0x8880, &[&[0; 8][..], &[0, 1], &[0; 8], &[0xff; 8]].concat()), Err(Error::DamagedImage));
    assert_eq!(with(0xf880, &all), Err(Error::DamagedImage));
    assert_eq!(with(0x0080, &[0; 4]), Err(Error::DamagedImage));
}

#[test]
fn lists_without_end_are_refused() {
    let mut file = File::new(&[b"hvc1"], b"");
    file.references = vec![(*b"auxl", 1, vec![1; 5000])];
    assert!(matches!(canvas(&file), Err(Error::UnsupportedImage { .. })));
    let file = File::new(&vec![b"hvc1"; 4096], b"");
    assert_eq!(canvas(&file), Ok((64, 48, 1)));
    let file = File::new(&vec![b"hvc1"; 4097], b"");
    assert!(matches!(canvas(&file), Err(Error::UnsupportedImage { .. })));
}

/// A sequence of one sample, four bytes long, without a `meta` box.
fn sequence(kind: &[u8; 4], brand: &[u8; 4], length: u32) -> Vec<u8> {
    let start = boxed(b"ftyp", &[brand, &[0; 4][..]].concat());
    let data = boxed(b"mdat", b"data");
    let begin = u32::try_from(start.len() + 8).unwrap().to_be_bytes();
    let entry = [&[0; 24][..], &shorts(&[64, 48]), &[0; 50], &boxed(b"hvcC", b"")].concat();
    let table = [
        full(b"stsd", 0, &[&[0, 0, 0, 1][..], &boxed(kind, &entry)].concat()),
        full(b"stsz", 0, &[[0; 4], [0, 0, 0, 1], length.to_be_bytes()].concat()),
        full(b"stco", 0, &[[0, 0, 0, 1], begin].concat()),
    ];
    let header = full(b"tkhd", 0, &[&[0; 8][..], &[0, 0, 0, 7], &[0; 68]].concat());
    let media = boxed(b"mdia", &boxed(b"minf", &boxed(b"stbl", &table.concat())));
    [start, data, boxed(b"moov", &boxed(b"trak", &[header, media].concat()))].concat()
}

#[test]
fn the_first_sample_of_a_sequence_is_a_picture() {
    let seen = |file: &[u8]| read(file, |coded| (coded.codec, coded.canvas, coded.tiles[0].data().unwrap().to_vec()));
    let size = Size { width: 64, height: 48 };
    assert_eq!(seen(&sequence(b"hvc1", b"msf1", 4)), Ok((Codec::Hevc, size, b"data".to_vec())));
    assert_eq!(seen(&sequence(b"av01", b"avis", 4)), Ok((Codec::Av1, size, b"data".to_vec())));
    assert_eq!(seen(&sequence(b"av01", b"avis", u32::MAX)), Err(Error::DamagedImage));
    assert_eq!(seen(&sequence(b"av01", b"avis", 0)), Err(Error::DamagedImage));
    // An item comes before a sequence, but for one of AV1 where the brand does not say otherwise.
    let item = File::new(&[b"av01"], b"item").bytes();
    let both = |brand| [sequence(b"av01", brand, 4), item[20..].to_vec()].concat();
    assert_eq!(seen(&both(b"avif")), Ok((Codec::Av1, size, b"item".to_vec())));
    assert_eq!(seen(&both(b"avis")), Ok((Codec::Av1, size, b"data".to_vec())));
    let both = [sequence(b"hvc1", b"heic", 4), item[20..].to_vec()].concat();
    assert_eq!(seen(&both), Ok((Codec::Av1, size, b"item".to_vec())));
}

#[test]
fn the_size_is_checked_before_anything_is_decoded() {
    let mut file = File::new(&[b"hvc1"], b"data");
    for (width, height, expected) in [
        (60_000, 60_000, Error::TooManyPixels { width: 60_000, height: 60_000, limit: LIMITS.max_pixels }),
        (u32::MAX, u32::MAX, Error::SideTooLong { width: u32::MAX, height: u32::MAX, limit: 65_535 }),
        (0, 48, Error::DamagedImage),
    ] {
        file.properties = vec![ispe(width, height)];
        let (stop, mut pixels) = (Stop::never(), Vec::new());
        let bytes = file.bytes();
        let source = Source { file: &bytes, limits: LIMITS, stop: &stop };
        assert_eq!(decode(&source, &mut pixels), Err(expected));
        assert_eq!(pixels.capacity(), 0);
    }
}

#[cfg(not(feature = "heic"))]
#[test]
fn without_its_feature_heic_is_not_supported() {
    let (stop, mut pixels) = (Stop::never(), Vec::new());
    let file = File::new(&[b"hvc1"], b"data").bytes();
    let source = Source { file: &file, limits: LIMITS, stop: &stop };
    assert_eq!(decode(&source, &mut pixels), Err(Error::UnsupportedImage { kind: "HEIC" }));
}

#[cfg(feature = "heic")]
mod heic;
