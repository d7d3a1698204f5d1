//! From the samples of a row to RGB, as Pillow does it (`OPEN_INFO` in TiffImagePlugin.py, Unpack.c, Convert.c).

use super::compression::Compression;
use super::tags::{self, Tags};
use super::ycbcr::YCbCr;
use crate::error::Error;
use crate::image::CHANNELS;
use crate::image::decode::jpeg::scaled;

/// The most samples of a pixel.
const MAX_SAMPLES: usize = 8;

const MIXED: Error = Error::UnsupportedImage { kind: "TIFF with samples of several kinds" };
const DEPTH: Error = Error::UnsupportedImage { kind: "TIFF with samples of this depth" };

/// What the samples of a picture mean.
pub(super) struct Photometry {
    /// Samples of each pixel that are read.
    pub(super) samples: usize,
    /// Bits of a sample.
    pub(super) bits: usize,
    depth: Depth,
    colours: Colours,
}

/// How a sample becomes one of 8 bits.
enum Depth {
    /// Of 1, 2 or 4 bits, whose values are multiplied.
    Packed {
        scale: u8,
    },
    Eight,
    /// Of 12 bits, cut off at 255.
    Twelve,
    /// Of 16 bits, of which the upper 8 are kept.
    Upper,
    /// Gray of 16 or 32 bits, cut off at 0 and at 255.
    Clipped(Format),
}

/// The values of `SampleFormat` (TIFF 6.0, section 19).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Unsigned,
    Signed,
    Float,
}

enum Colours {
    Gray {
        is_inverted: bool,
    },
    Rgb,
    /// RGB that has been multiplied by the alpha behind it.
    Premultiplied,
    Cmyk,
    Palette(Box<[[u8; CHANNELS]; 256]>),
    YCbCr(Box<YCbCr>),
}

impl Photometry {
    pub(super) fn of(tags: &Tags<'_>, compression: Compression) -> Result<Self, Error> {
        let stored = usize::try_from(tags.number(tags::SAMPLES_PER_PIXEL).unwrap_or(1)).unwrap_or(usize::MAX);
        if stored == 0 || stored > MAX_SAMPLES {
            return Err(Error::UnsupportedImage { kind: "TIFF with this number of samples" });
        }
        let bits = bits(tags, stored)?;
        let format = format(tags)?;
        let colours = Colours::of(tags, compression, stored, bits)?;
        // Of planes, only those that are shown are read.
        let samples = if tags.is_planar() { colours.samples() } else { stored };
        let depth = match (bits, format) {
            (1 | 2 | 4, Format::Unsigned) if samples == 1 => {
                let is_palette = matches!(colours, Colours::Palette(_));
                Depth::Packed { scale: if is_palette { 1 } else { u8::MAX / ((1 << bits) - 1) } }
            }
            (8, Format::Unsigned) => Depth::Eight,
            // Pillow takes these for unsigned ones.
            (8, Format::Signed) if matches!(colours, Colours::Gray { .. }) => Depth::Eight,
            (12, Format::Unsigned) if samples == 1 => Depth::Twelve,
            (16, Format::Unsigned) if samples > 1 => Depth::Upper,
            (16, Format::Unsigned | Format::Signed) | (32, _) if samples == 1 => Depth::Clipped(format),
            (_, Format::Float) => return Err(Error::UnsupportedImage { kind: "TIFF with floating point colours" }),
            _ => return Err(DEPTH),
        };
        if !matches!(depth, Depth::Eight | Depth::Packed { .. })
            && matches!(colours, Colours::Palette(_) | Colours::YCbCr(_))
        {
            return Err(DEPTH);
        }
        Ok(Self { samples, bits, depth, colours })
    }

    /// Bytes of a row of `width` pixels of `samples` samples each.
    pub(super) fn row_bytes(&self, width: usize, samples: usize) -> Option<usize> {
        Some(width.checked_mul(samples)?.checked_mul(self.bits)?.div_ceil(8))
    }

    /// Whether the samples are RGB of 8 bits already.
    pub(super) fn is_rgb(&self) -> bool {
        self.samples == CHANNELS && matches!((&self.depth, &self.colours), (Depth::Eight, Colours::Rgb))
    }

    /// Whether the samples are luma and chroma, not RGB that a JPEG decoder has made of them.
    pub(super) fn ycbcr(&self) -> Option<&YCbCr> {
        if let Colours::YCbCr(ycbcr) = &self.colours { Some(ycbcr) } else { None }
    }

    /// Converts the first pixels of `row`, as many as `rgb` has. `narrow` is a buffer of a byte for each sample of the row, which
    /// depths of other than 8 bits need.
    pub(super) fn convert(&self, row: &[u8], is_little: bool, narrow: &mut [u8], rgb: &mut [u8]) {
        let most = (rgb.len() / CHANNELS * self.samples).min(narrow.len());
        let samples = match &self.depth {
            Depth::Eight => row,
            depth => {
                depth.narrow(row, is_little, self.bits, &mut narrow[..most]);
                &narrow[..most]
            }
        };
        self.colours.convert(samples, self.samples, rgb);
    }

    /// Converts pixels of `step` samples of 8 bits each.
    pub(super) fn convert_bytes(&self, samples: &[u8], step: usize, rgb: &mut [u8]) {
        self.colours.convert(samples, step, rgb);
    }
}

/// The bits of each sample, which are the same for all.
fn bits(tags: &Tags<'_>, samples: usize) -> Result<usize, Error> {
    let Some(list) = tags.list(tags::BITS_PER_SAMPLE) else { return Ok(1) };
    // As in Pillow: one value holds for all samples, and too many are ignored.
    let count = if list.count() == 1 { 1 } else { samples };
    let first = list.get(0).ok_or(Error::DamagedImage)?;
    for index in 1..count {
        match list.get(index) {
            Some(bits) if bits == first => {}
            Some(_) => return Err(MIXED),
            None => return Err(Error::DamagedImage),
        }
    }
    usize::try_from(first).map_err(|_| DEPTH)
}

fn format(tags: &Tags<'_>) -> Result<Format, Error> {
    let Some(list) = tags.list(tags::SAMPLE_FORMAT) else { return Ok(Format::Unsigned) };
    let first = list.get(0);
    if (1..list.count().min(MAX_SAMPLES)).any(|index| list.get(index) != first) {
        return Err(MIXED);
    }
    match first {
        Some(1) => Ok(Format::Unsigned),
        Some(2) => Ok(Format::Signed),
        Some(3) => Ok(Format::Float),
        _ => Err(Error::UnsupportedImage { kind: "TIFF with samples of this format" }),
    }
}

impl Colours {
    /// By the values of `PhotometricInterpretation` (TIFF 6.0, section 8). Without one, Pillow takes 0.
    fn of(tags: &Tags<'_>, compression: Compression, samples: usize, bits: usize) -> Result<Self, Error> {
        let colours = match tags.number(tags::PHOTOMETRIC).unwrap_or(0) {
            // Pillow does not invert values of more than 8 bits.
            0 => Self::Gray { is_inverted: bits <= 8 },
            1 => Self::Gray { is_inverted: false },
            2 if is_premultiplied(tags, compression, samples) => Self::Premultiplied,
            2 => Self::Rgb,
            3 => Self::Palette(palette(tags)?),
            5 => Self::Cmyk,
            6 if samples == 1 => Self::Gray { is_inverted: false },
            6 if compression == Compression::Jpeg && !tags.is_planar() => Self::Rgb,
            6 => Self::YCbCr(Box::new(YCbCr::of(tags, compression)?)),
            8..=10 => return Err(Error::UnsupportedImage { kind: "TIFF in the Lab colour space" }),
            32803 | 34892 => return Err(Error::UnsupportedImage { kind: "Camera raw" }),
            32844 | 32845 => return Err(Error::UnsupportedImage { kind: "TIFF in the LogLuv colour space" }),
            _ => return Err(Error::UnsupportedImage { kind: "TIFF in this colour space" }),
        };
        if samples < colours.samples() { Err(Error::DamagedImage) } else { Ok(colours) }
    }

    /// Samples of a pixel that the conversion reads.
    fn samples(&self) -> usize {
        match self {
            Self::Gray { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr(_) => 3,
            Self::Premultiplied | Self::Cmyk => 4,
        }
    }

    fn convert(&self, samples: &[u8], step: usize, rgb: &mut [u8]) {
        match self {
            Self::Gray { is_inverted: false } => each(samples, step, rgb, |[gray]| [gray; 3]),
            Self::Gray { is_inverted: true } => each(samples, step, rgb, |[gray]| [255 - gray; 3]),
            Self::Rgb if step == CHANNELS => rgb.copy_from_slice(&samples[..rgb.len()]),
            Self::Rgb => each(samples, step, rgb, |rgb| rgb),
            Self::Premultiplied => each(samples, step, rgb, divided),
            Self::Cmyk => each(samples, step, rgb, |[cyan, magenta, yellow, key]| {
                // `cmyk2rgb` in Convert.c.
                let light = 255 - key;
                [cyan, magenta, yellow].map(|ink| light - scaled(ink, light))
            }),
            Self::Palette(palette) => each(samples, step, rgb, |[index]| palette[usize::from(index)]),
            Self::YCbCr(ycbcr) => each(samples, step, rgb, |pixel| ycbcr.rgb(pixel)),
        }
    }
}

/// Converts the pixels of `step` samples each, from the first `SAMPLES`.
fn each<const SAMPLES: usize>(
    samples: &[u8],
    step: usize,
    rgb: &mut [u8],
    convert: impl Fn([u8; SAMPLES]) -> [u8; CHANNELS],
) {
    let pixels = samples.chunks_exact(step).filter_map(|pixel| pixel.first_chunk());
    for (pixel, rgb) in pixels.zip(rgb.chunks_exact_mut(CHANNELS)) {
        rgb.copy_from_slice(&convert(*pixel));
    }
}

/// RGB of a colour that has been multiplied by its alpha: `unpackRGBa` in Pillow's Unpack.c.
fn divided([red, green, blue, alpha]: [u8; 4]) -> [u8; CHANNELS] {
    if alpha == 0 {
        return [0; CHANNELS];
    }
    [red, green, blue].map(|value| u8::try_from(u16::from(value) * 255 / u16::from(alpha)).unwrap_or(u8::MAX))
}

/// Whether the colours have been multiplied by an alpha, by `ExtraSamples` (TIFF 6.0, section 18). Where compressed planes
/// have more than three samples and no such tag, libtiff states "unspecified", which Pillow takes for that as well.
fn is_premultiplied(tags: &Tags<'_>, compression: Compression, samples: usize) -> bool {
    if samples <= CHANNELS {
        return false;
    }
    match tags.number(tags::EXTRA_SAMPLES) {
        Some(kind) => kind == 1,
        None => tags.is_planar() && compression != Compression::None,
    }
}

/// All reds, then all greens, then all blues, of 16 bits each, of which Pillow keeps the upper 8. Missing colours are black.
fn palette(tags: &Tags<'_>) -> Result<Box<[[u8; CHANNELS]; 256]>, Error> {
    let list = tags.list(tags::COLOR_MAP).ok_or(Error::DamagedImage)?;
    let colours = list.count() / CHANNELS;
    if colours > 256 {
        return Err(Error::DamagedImage);
    }
    let mut palette = Box::new([[0; CHANNELS]; 256]);
    for (index, colour) in palette.iter_mut().enumerate().take(colours) {
        for (channel, value) in colour.iter_mut().enumerate() {
            let entry = list.get(channel * colours + index).ok_or(Error::DamagedImage)?;
            *value = u8::try_from(entry >> 8).unwrap_or(u8::MAX);
        }
    }
    Ok(palette)
}

impl Depth {
    /// Writes one byte for each sample of `row`, as many as `narrow` has.
    fn narrow(&self, row: &[u8], is_little: bool, bits: usize, narrow: &mut [u8]) {
        match self {
            Self::Eight => {}
            Self::Packed { scale } => {
                let mask = (1_u8 << bits) - 1;
                for (byte, values) in row.iter().zip(narrow.chunks_mut(8 / bits)) {
                    for (index, value) in values.iter_mut().enumerate() {
                        *value = (byte >> (8 - bits - index * bits) & mask) * scale;
                    }
                }
            }
            Self::Twelve => {
                // Two samples in three bytes. The last one of an odd number has two bytes.
                for (bytes, values) in row.chunks(3).zip(narrow.chunks_mut(2)) {
                    let at = |index: usize| bytes.get(index).copied().map_or(0, u16::from);
                    let both = [at(0) << 4 | at(1) >> 4, (at(1) & 15) << 8 | at(2)];
                    for (value, sample) in values.iter_mut().zip(both) {
                        *value = u8::try_from(sample).unwrap_or(u8::MAX);
                    }
                }
            }
            Self::Upper => {
                let upper = usize::from(is_little);
                for (bytes, value) in row.chunks_exact(2).zip(narrow) {
                    *value = bytes[upper];
                }
            }
            Self::Clipped(format) => {
                for (bytes, value) in row.chunks_exact(bits / 8).zip(narrow) {
                    let mut number = [0; 4];
                    number[..bytes.len()].copy_from_slice(bytes);
                    if !is_little {
                        number[..bytes.len()].reverse();
                    }
                    *value = clipped(number, bits, *format);
                }
            }
        }
    }
}

/// A number of 16 or 32 bits, least significant byte first, cut off at 0 and 255: `i2rgb`, `f2l` and `I;16` to `L` in
/// Pillow's Convert.c. Pillow reads 32 bits without a sign as if they had one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floating point is cut off by the cast")]
fn clipped(number: [u8; 4], bits: usize, format: Format) -> u8 {
    let signed = match format {
        Format::Float => return f32::from_le_bytes(number) as u8,
        Format::Signed if bits == 16 => i32::from(i16::from_le_bytes([number[0], number[1]])),
        _ => i32::from_le_bytes(number),
    };
    u8::try_from(signed.clamp(0, 255)).unwrap_or(u8::MAX)
}
