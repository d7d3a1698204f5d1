//! The image formats: how each is told by a file's first bytes, and its name in messages.

use crate::error::Error;

/// The formats that are decoded, for people.
pub const FORMATS: &str = "JPEG, PNG, WebP, GIF, BMP or TIFF";

/// A format that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
    /// PBM, PGM, PPM and PFM.
    Pnm,
    Qoi,
    /// A format without a magic number, which no file is taken for by its first bytes.
    Tga,
}

impl Format {
    /// The format that the first bytes of `file` name.
    ///
    /// # Errors
    /// [`Error::UnsupportedImage`] with the name of a format that is not decoded; else [`Error::NotAnImage`].
    pub(super) fn of(file: &[u8]) -> Result<Self, Error> {
        let starts = |prefix: &[u8]| file.starts_with(prefix);
        Ok(match () {
            () if starts(b"\xff\xd8\xff") => Self::Jpeg,
            () if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if starts(b"RIFF") && file.get(8..12) == Some(b"WEBP") => Self::WebP,
            () if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            () if starts(b"BM") => Self::Bmp,
            () if starts(b"II*\0") || starts(b"MM\0*") || starts(b"MM\0+") => Self::Tiff,
            () if matches!(file, [b'P', b'1'..=b'6' | b'f', b' ' | b'\t'..=b'\r', ..]) => Self::Pnm,
            () if starts(b"qoif") => Self::Qoi,
            () => return Err(other(file).map_or(Error::NotAnImage, |kind| Error::UnsupportedImage { kind })),
        })
    }
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
        () if at(0, b"\0\0\x01\0") => "ICO",
        () if at(0, b"P7\n") => "PAM",
        () if at(0, b"PF\n") => "PFM with colours",
        () => return None,
    })
}

/// The format of a file in ISO's base media file format, by its major brand (ISO/IEC 14496-12, section 4.3).
fn brand(file: &[u8]) -> &'static str {
    match file.get(8..12) {
        Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1") => "HEIC",
        Some(b"avif" | b"avis") => "AVIF",
        Some(b"crx ") => "Camera raw",
        _ => "Video",
    }
}
