//! Rows of a PNG to 8-bit RGB, as Pillow's `convert("RGB")` gives them.

use super::header::{Colours, Form};
use crate::image::CHANNELS;

type Rgb = [u8; CHANNELS];

/// Converts rows of one form.
pub(super) enum Converter {
    /// Samples of up to 8 bits, and the colour of each.
    Table { bits: usize, colours: Box<[Rgb; 256]> },
    /// Whole bytes a pixel.
    Bytes(fn(&[u8], &mut [u8])),
}

impl Converter {
    /// Gray is repeated, alpha is dropped without blending, and of 16 bits the upper 8 are kept. Gray of 16 bits without alpha
    /// is a mode of its own in Pillow (`I;16`), whose values are cut off at 255. A palette is continued with black.
    pub(super) fn new(form: Form, palette: &[u8]) -> Self {
        match (form.colours, form.depth) {
            (Colours::Gray, 16) => Self::Bytes(|row, rgb| {
                each(row, rgb, |value: [u8; 2]| [u8::try_from(u16::from_be_bytes(value)).unwrap_or(u8::MAX); CHANNELS]);
            }),
            (Colours::Gray, bits) => Self::gray(bits),
            (Colours::Palette, bits) => {
                let mut colours = Box::new([[0; CHANNELS]; 256]);
                for (colour, stated) in colours.iter_mut().zip(palette.as_chunks().0) {
                    *colour = *stated;
                }
                Self::Table { bits: bits.into(), colours }
            }
            (Colours::GrayAlpha, 16) => Self::Bytes(|row, rgb| each(row, rgb, |[gray, _, _, _]| [gray; CHANNELS])),
            (Colours::GrayAlpha, _) => Self::Bytes(|row, rgb| each(row, rgb, |[gray, _]| [gray; CHANNELS])),
            (Colours::Rgb, 16) => {
                Self::Bytes(|row, rgb| each(row, rgb, |[red, _, green, _, blue, _]| [red, green, blue]))
            }
            (Colours::Rgb, _) => Self::Bytes(|row, rgb| each(row, rgb, |colour: Rgb| colour)),
            (Colours::Rgba, 16) => {
                Self::Bytes(|row, rgb| each(row, rgb, |[red, _, green, _, blue, _, _, _]| [red, green, blue]))
            }
            (Colours::Rgba, _) => Self::Bytes(|row, rgb| each(row, rgb, |[red, green, blue, _]| [red, green, blue])),
        }
    }

    /// The lowest value is black and the highest white (PNG, section 13.12).
    fn gray(bits: u8) -> Self {
        let most = u8::MAX >> 8_u8.saturating_sub(bits);
        let mut colours = Box::new([[0; CHANNELS]; 256]);
        for (value, colour) in (0..=most).zip(colours.iter_mut()) {
            *colour = [value * (u8::MAX / most); CHANNELS];
        }
        Self::Table { bits: bits.into(), colours }
    }

    /// The colour of the places that no row covers, which Pillow sets to zero.
    pub(super) fn background(&self) -> Rgb {
        match self {
            Self::Table { colours, .. } => colours[0],
            Self::Bytes(_) => [0; CHANNELS],
        }
    }

    /// Writes as many pixels to `rgb` as it has room for, or as `row` has.
    pub(super) fn convert(&self, row: &[u8], rgb: &mut [u8]) {
        match self {
            Self::Bytes(convert) => convert(row, rgb),
            Self::Table { bits: 8, colours } => each(row, rgb, |[index]| colours[usize::from(index)]),
            Self::Table { bits, colours } => look_up(*bits, colours, row, rgb),
        }
    }
}

/// Converts pixels of `BYTES` bytes.
fn each<const BYTES: usize>(row: &[u8], rgb: &mut [u8], convert: impl Fn([u8; BYTES]) -> Rgb) {
    for (value, pixel) in row.as_chunks().0.iter().zip(rgb.as_chunks_mut().0) {
        *pixel = convert(*value);
    }
}

/// Converts samples of 1, 2 or 4 bits, the first in the highest bits (PNG, section 7.2).
fn look_up(bits: usize, colours: &[Rgb; 256], row: &[u8], rgb: &mut [u8]) {
    let in_a_byte = (8 / bits.max(1)).max(1);
    for (byte, pixels) in row.iter().zip(rgb.chunks_mut(in_a_byte * CHANNELS)) {
        let mut rest = *byte;
        for pixel in pixels.as_chunks_mut().0 {
            let sample = usize::from(rest) >> (8 - bits);
            *pixel = colours[sample & 0xff];
            rest = rest.wrapping_shl(u32::try_from(bits).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(colours: Colours, depth: u8, row: &[u8], pixels: usize) -> Vec<u8> {
        let mut rgb = vec![9; pixels * CHANNELS];
        Converter::new(Form { colours, depth }, &[1, 2, 3, 4, 5, 6, 7]).convert(row, &mut rgb);
        rgb
    }

    #[test]
    fn every_depth_of_gray() {
        assert_eq!(converted(Colours::Gray, 1, &[0b1010_0000], 3), [255, 255, 255, 0, 0, 0, 255, 255, 255]);
        assert_eq!(
            converted(Colours::Gray, 2, &[0b0001_1011, 0x40], 5).iter().step_by(3).collect::<Vec<_>>(),
            [&0, &85, &170, &255, &85]
        );
        assert_eq!(converted(Colours::Gray, 4, &[0x1f, 0x20], 3), [17, 17, 17, 255, 255, 255, 34, 34, 34]);
        assert_eq!(converted(Colours::Gray, 8, &[7, 200], 2), [7, 7, 7, 200, 200, 200]);
        assert_eq!(converted(Colours::Gray, 16, &[0, 80, 1, 0], 2), [80, 80, 80, 255, 255, 255]);
    }

    #[test]
    fn a_palette_is_continued_with_black() {
        assert_eq!(converted(Colours::Palette, 4, &[0x01, 0x20], 3), [1, 2, 3, 4, 5, 6, 0, 0, 0]);
    }
}
