//! Where each format keeps its Exif and XMP data.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;
use memchr::memmem;

use super::super::directory::Numbers;
use super::super::segments::segments;
use super::exif;

/// The prefix of Exif data: always in JPEG, sometimes elsewhere. Some writers add it twice.
const PREFIX: &[u8] = b"Exif\0\0";
const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The keyword of XMP in PNG's text (XMP Specification Part 3, 1.1.5).
const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp";
/// The keyword under which `ImageMagick` writes Exif data as hexadecimal digits.
const RAW_EXIF_KEYWORD: &[u8] = b"Raw profile type exif";
/// The tag of XMP in TIFF.
const XMP_TAG: u16 = 700;
/// The most bytes that a text of PNG may have, as in Pillow for one that is compressed.
const MAX_TEXT: usize = 1 << 20;
/// The most bytes to which all texts of a PNG may inflate: a file may hold thousands, and nothing stops them midway.
const MAX_TEXTS: usize = 16 << 20;
/// The most bytes of Exif data over several segments of a JPEG. The first directory, which is read, stands at their beginning.
const MAX_EXIF: usize = 1 << 20;

/// The data of a file in which Pillow looks for an orientation.
#[derive(Default)]
struct Found<'a> {
    exif: Option<Cow<'a, [u8]>>,
    xmp: Option<Cow<'a, [u8]>>,
}

/// The orientation that a file states, from 1 to 8; another number is none. Exif goes before XMP.
pub(super) fn stated(file: &[u8]) -> Option<u32> {
    let Found { exif, xmp } = match file {
        [0xff, 0xd8, ..] => in_jpeg(file),
        [0x89, b'P', b'N', b'G', ..] => in_png(file),
        [b'R', b'I', b'F', b'F', ..] => in_webp(file),
        [b'I', b'I', ..] | [b'M', b'M', ..] => {
            Found { exif: Some(Cow::Borrowed(file)), xmp: in_tiff(file).map(Cow::Borrowed) }
        }
        _ => return None,
    };
    let exif = exif.as_deref().map(without_prefix);
    exif.and_then(exif::orientation).or_else(|| in_xmp(xmp.as_deref()?))
}

fn without_prefix(exif: &[u8]) -> &[u8] {
    let once = exif.strip_prefix(PREFIX).unwrap_or(exif);
    once.strip_prefix(PREFIX).unwrap_or(once)
}

/// The first `tiff:Orientation`, an attribute or an element.
fn in_xmp(xmp: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"tiff:Orientation";
    memmem::find_iter(xmp, NAME).find_map(|at| {
        let rest = &xmp[at + NAME.len()..];
        let digit = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?.first()?;
        digit.is_ascii_digit().then(|| u32::from(digit - b'0'))
    })
}

/// Exif data may continue in further segments; of several XMP segments the last one counts.
fn in_jpeg(file: &[u8]) -> Found<'_> {
    let mut found = Found::default();
    for (_, data) in segments(file).filter(|(marker, _)| *marker == 0xe1) {
        if let Some(more) = data.strip_prefix(PREFIX) {
            match &mut found.exif {
                Some(exif) if exif.len() + more.len() <= MAX_EXIF => exif.to_mut().extend_from_slice(more),
                Some(_) => {}
                None => found.exif = Some(Cow::Borrowed(data)),
            }
        } else if let Some(xmp) = data.strip_prefix(XMP_PREFIX) {
            found.xmp = Some(Cow::Borrowed(xmp));
        }
    }
    found
}

/// The last chunk of a kind counts, also one behind the pixels.
fn in_png(file: &[u8]) -> Found<'_> {
    let mut found = Found::default();
    let (mut raw, mut left) = (None, MAX_TEXTS);
    // Length, kind, data, checksum.
    let chunks = chunks(file, 8, |header| {
        let (length, kind) = header.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        Some((kind.try_into().ok()?, length, length.checked_add(12)?))
    });
    for (kind, data) in chunks {
        if kind == *b"eXIf" {
            found.exif = Some(Cow::Borrowed(data));
            continue;
        }
        let Some((keyword, text)) = text(kind, data, &mut left) else { continue };
        match keyword {
            XMP_KEYWORD => found.xmp = Some(text),
            RAW_EXIF_KEYWORD => raw = raw_profile(&text),
            b"exif" if kind == *b"tEXt" => found.exif = Some(text),
            _ => {}
        }
    }
    found.exif = found.exif.or(raw.map(Cow::Owned));
    found
}

/// The keyword and the text of one of PNG's three kinds of text (PNG, section 11.3.3), if the keyword is one of ours. `left`
/// are the bytes to which it may still inflate.
fn text<'a>(kind: [u8; 4], data: &'a [u8], left: &mut usize) -> Option<(&'a [u8], Cow<'a, [u8]>)> {
    if !matches!(&kind, b"tEXt" | b"zTXt" | b"iTXt") {
        return None;
    }
    let (keyword, rest) = data.split_at_checked(memchr::memchr(0, data)?)?;
    if ![XMP_KEYWORD, RAW_EXIF_KEYWORD, b"exif"].contains(&keyword) {
        return None;
    }
    let rest = &rest[1..];
    let text = match &kind {
        b"tEXt" => Cow::Borrowed(rest),
        b"zTXt" => Cow::Owned(inflated(rest.strip_prefix(&[0])?, left)?),
        _ => {
            let (flags, rest) = rest.split_at_checked(2)?;
            // The language and the translated keyword.
            let rest = rest.get(memchr::memchr(0, rest)? + 1..)?;
            let rest = rest.get(memchr::memchr(0, rest)? + 1..)?;
            if flags[0] == 0 { Cow::Borrowed(rest) } else { Cow::Owned(inflated(rest, left)?) }
        }
    };
    Some((keyword, text))
}

fn inflated(data: &[u8], left: &mut usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let most = MAX_TEXT.min(*left);
    let read = ZlibDecoder::new(data).take(most as u64 + 1).read_to_end(&mut text);
    *left = left.saturating_sub(text.len());
    (read.is_ok() && text.len() <= most).then_some(text)
}

/// The bytes of a profile in hexadecimal digits, behind three lines: an empty one, the name, and the length.
fn raw_profile(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.splitn(4, |byte| *byte == b'\n').nth(3)?;
    let digits = digits.get(..digits.len().min(MAX_TEXT))?;
    let digits: Vec<u8> = digits.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    if digits.len() % 2 == 1 { None } else { digits.chunks_exact(2).map(byte).collect() }
}

/// Chunks count only if the extended header announces them (WebP Container Specification, Extended File Format), and the
/// first one of a kind.
fn in_webp(file: &[u8]) -> Found<'_> {
    const XMP_FLAG: u8 = 1 << 2;
    const EXIF_FLAG: u8 = 1 << 3;
    let flags = if file.get(12..16) == Some(b"VP8X") { file.get(20).copied().unwrap_or(0) } else { 0 };
    let mut found = Found::default();
    // Kind, length, data, and a byte of padding to an even length.
    let chunks = chunks(file, 12, |header| {
        let (kind, length) = header.split_first_chunk()?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        Some((*kind, length, length.checked_add(length % 2)?.checked_add(8)?))
    });
    for (kind, data) in chunks {
        match &kind {
            b"EXIF" if flags & EXIF_FLAG != 0 => found.exif = found.exif.or(Some(Cow::Borrowed(data))),
            b"XMP " if flags & XMP_FLAG != 0 => found.xmp = found.xmp.or(Some(Cow::Borrowed(data))),
            _ => {}
        }
    }
    found
}

fn in_tiff(file: &[u8]) -> Option<&[u8]> {
    let numbers = Numbers::of(file)?;
    let entry = numbers.first_directory()?.find(|entry| entry.tag == XMP_TAG)?;
    numbers.bytes(numbers.place(&entry, 1)?, usize::try_from(entry.count).ok()?)
}

/// A chunk's kind, the length of its data, and the length of the whole chunk.
type Header = ([u8; 4], usize, usize);

/// The chunks from `first` on, each with its kind and its data. `header` parses the eight bytes with which each begins.
fn chunks(file: &[u8], first: usize, header: fn(&[u8; 8]) -> Option<Header>) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = file.get(first..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (kind, length, whole) = header(rest.first_chunk()?)?;
        let data = rest.get(8..8_usize.checked_add(length)?)?;
        rest = rest.get(whole..).unwrap_or_default();
        Some((kind, data))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn png_text(keyword: &[u8], text: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text).unwrap();
        let data = [keyword, b"\0\0", &packed.finish().unwrap()].concat();
        [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], b"zTXt", &data, b"crc "].concat()
    }

    fn png(texts: &[Vec<u8>]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n", texts.concat().as_slice()].concat()
    }

    #[test]
    fn texts_inflate_to_so_much_in_all() {
        let turned = png_text(XMP_KEYWORD, b"tiff:Orientation=\"6\"");
        let large = png_text(XMP_KEYWORD, &vec![b' '; MAX_TEXT]);
        assert_eq!(stated(&png(&[large.clone(), turned.clone()])), Some(6));
        let many = vec![large; MAX_TEXTS / MAX_TEXT];
        assert_eq!(stated(&png(&[many.concat(), turned])), None);
    }

    #[test]
    fn exif_over_many_segments_ends_somewhere() {
        let segment = |data: &[u8]| {
            let length = u16::try_from(data.len() + 8).unwrap().to_be_bytes();
            [b"\xff\xe1", &length[..], PREFIX, data].concat()
        };
        // An orientation of three values, which stand behind the first megabyte.
        let exif = |at: u32| {
            let entry = [&[0x12, 1, 3, 0, 3, 0, 0, 0][..], &at.to_le_bytes()].concat();
            [b"II*\0\x08\0\0\0\x01\0", &entry[..], &[0; 4]].concat()
        };
        let filler = segment(&vec![6; 60_000]);
        let file = |at: u32, segments: usize| [b"\xff\xd8", &segment(&exif(at))[..], &filler.repeat(segments)].concat();
        assert_eq!(stated(&file(100_000, 2)), Some(0));
        assert_eq!(stated(&file(1_100_000, 20)), None);
    }
}
