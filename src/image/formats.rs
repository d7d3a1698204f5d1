//! The image formats: how each is told by a file's first bytes, and its name in messages.

use crate::error::Error;

/// The formats that are decoded, for people.
#[cfg(feature = "heic")]
pub const FORMATS: &str = "JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
/// The formats that are decoded, for people.
#[cfg(not(feature = "heic"))]
pub const FORMATS: &str = "JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";

/// The formats that are decoded, as media types and, for systems that don't know those, as endings of file names: the
/// form of `accept` in a file dialog (HTML, section 4.10.5.1.17).
pub const ACCEPTED: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/webp",
    #[cfg(feature = "heic")]
    "image/heic",
    #[cfg(feature = "heic")]
    "image/heif",
    "image/avif",
    "image/gif",
    "image/tiff",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-portable-anymap",
    "image/qoi",
    #[cfg(feature = "heic")]
    ".heic",
    #[cfg(feature = "heic")]
    ".heif",
    #[cfg(feature = "heic")]
    ".hif",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".dib",
    ".ico",
    ".cur",
    ".pbm",
    ".pgm",
    ".ppm",
    ".pnm",
    ".qoi",
];

/// The sizes of a bitmap's header in bytes, with which it begins: `BITMAPCOREHEADER`, whose fields are shorter;
/// `BITMAPINFOHEADER` and its versions 2 and 3; OS/2's second version; the versions 4 and 5.
pub(super) const BITMAP_HEADERS: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];

/// The beginnings of a TIFF file: of both byte orders, with the number in the wrong one, and of `BigTIFF`.
const TIFF: [&[u8]; 6] = [b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+"];

/// A format that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Dib,
    Ico,
    Cur,
    Tiff,
    /// HEIC or AVIF.
    Heif,
    /// PBM, PGM, PPM and PFM.
    Pnm,
    Qoi,
    /// A format without a magic number, which no file is taken for by its first bytes.
    Tga,
}

impl Format {
    /// The format of a media type, where files of that format can't be told by their bytes.
    pub fn named(media_type: &str) -> Option<Self> {
        const TGA: [&str; 4] = ["image/x-tga", "image/x-targa", "image/tga", "image/targa"];
        TGA.iter().any(|name| name.eq_ignore_ascii_case(media_type)).then_some(Self::Tga)
    }

    /// The format that the first bytes of `file` name.
    ///
    /// # Errors
    /// [`Error::UnsupportedImage`] with the name of a format that is not decoded; else [`Error::NotAnImage`].
    pub fn of(file: &[u8]) -> Result<Self, Error> {
        let starts = |prefix: &[u8]| file.starts_with(prefix);
        Ok(match () {
            () if starts(b"\xff\xd8\xff") => Self::Jpeg,
            () if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if starts(b"RIFF") && file.get(8..12) == Some(b"WEBP") => Self::WebP,
            () if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            () if starts(b"BM") => Self::Bmp,
            () if is_dib(file) => Self::Dib,
            () if starts(b"\0\0\x01\0") => Self::Ico,
            // A TGA file may begin with the same four bytes, and then with zeros.
            () if starts(b"\0\0\x02\0") && file.get(4..6).is_some_and(|count| count != [0, 0]) => Self::Cur,
            () if TIFF.into_iter().any(starts) => Self::Tiff,
            () if is_heif(file) => Self::Heif,
            () if matches!(file, [b'P', b'1'..=b'6' | b'f', b' ' | b'\t'..=b'\r', ..]) => Self::Pnm,
            () if starts(b"qoif") => Self::Qoi,
            () => return Err(other(file).map_or(Error::NotAnImage, |kind| Error::UnsupportedImage { kind })),
        })
    }
}

/// Whether the file begins with a bitmap's header, which is told by its size and by the number of bits that a pixel has.
fn is_dib(file: &[u8]) -> bool {
    let Some(size) = file.first_chunk().map(|size| u32::from_le_bytes(*size)) else { return false };
    let bits = if size == BITMAP_HEADERS[0] { 10 } else { 14 };
    BITMAP_HEADERS.contains(&size)
        && file.len() >= size as usize
        && matches!(file.get(bits..bits + 2), Some([1 | 4 | 8 | 16 | 24 | 32, 0]))
}

/// The name of a known format that is not decoded.
fn other(file: &[u8]) -> Option<&'static str> {
    let at = |place: usize, bytes: &[u8]| file.get(place..place + bytes.len()) == Some(bytes);
    let text = file.trim_ascii_start();
    let has = |tag: &[u8]| text[..text.len().min(1024)].windows(tag.len()).any(|bytes| bytes == tag);
    Some(match () {
        () if at(4, b"ftyp") => brand(file),
        () if at(0, b"\0\0\0\x0cjP  ") || at(0, b"\xff\x4f\xff\x51") => "JPEG 2000",
        () if at(0, b"\xff\x0a") || at(0, b"\0\0\0\x0cJXL ") => "JPEG XL",
        () if at(0, b"8BPS") => "PSD",
        () if text.starts_with(b"<svg") || (text.starts_with(b"<?xml") && has(b"<svg")) => "SVG",
        () if text.starts_with(b"%PDF-") => "PDF",
        () if text.starts_with(b"%!PS") || at(0, b"\xc5\xd0\xd3\xc6") => "EPS",
        () if at(0, b"\x1a\x45\xdf\xa3") || (at(0, b"RIFF") && at(8, b"AVI ")) => "Video",
        () if at(0, b"DDS ") => "DDS",
        () if at(0, b"icns") => "ICNS",
        () if at(0, b"SIMPLE  =") => "FITS",
        () if at(0, b"\x01\xda") => "SGI",
        () if at(0, b"\x0a") && matches!(file.get(1..3), Some([0 | 2 | 3 | 5, 0 | 1])) => "PCX",
        () if at(0, b"P7\n") => "PAM",
        () if at(0, b"PF\n") => "PFM with colours",
        () => return None,
    })
}

/// The brands of HEIC and AVIF (ISO/IEC 23008-12, section 10 and annex B; AV1 Image File Format, section 6).
const HEIF: [&[u8; 4]; 15] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1", b"miaf",
    b"avif", b"avis", b"avio",
];

/// Whether a file is in ISO's base media file format and one of its brands is one of HEIF's (ISO/IEC 14496-12, section 4.3).
fn is_heif(file: &[u8]) -> bool {
    let length = file.get(..4).and_then(|length| length.try_into().ok()).map_or(0, u32::from_be_bytes);
    let end = usize::try_from(length).unwrap_or(usize::MAX).min(file.len());
    // Between the major brand and the others is a version.
    let brands = file.get(8..end).unwrap_or_default().chunks_exact(4).take(MAX_BRANDS);
    file.get(4..8) == Some(b"ftyp")
        && brands.enumerate().any(|(at, brand)| at != 1 && HEIF.iter().any(|heif| brand == *heif))
}

/// The most brands that are looked at.
const MAX_BRANDS: usize = 64;

/// The format of another file in ISO's base media file format, by its major brand.
fn brand(file: &[u8]) -> &'static str {
    match file.get(8..12) {
        Some(b"crx ") => "Camera raw",
        _ => "Video",
    }
}
