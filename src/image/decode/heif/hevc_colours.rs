//! From HEVC's planes to RGB with the arithmetic of libheif (1.23, color-conversion/yuv2rgb.cc and nclx.cc).

use super::container::Nclx;
use crate::error::Error;
use crate::image::CHANNELS;

/// The samples of a row: luma, and the chroma that belongs to it; none in a gray picture.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) luma: &'a [i32],
    pub(super) blue: &'a [i32],
    pub(super) red: &'a [i32],
    /// The first column shares its chroma with the one before it.
    pub(super) odd: bool,
}

/// Which columns and rows share chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chroma {
    None,
    /// 4:2:0: two columns and two rows.
    Quarter,
    /// 4:2:2: two columns.
    Half,
    /// 4:4:4: none.
    Full,
}

impl Chroma {
    /// For HEVC's `chroma_format_idc` (ITU-T H.265, table 6-1).
    pub(super) const fn from_format(format: u32) -> Option<Self> {
        match format {
            0 => Some(Self::None),
            1 => Some(Self::Quarter),
            2 => Some(Self::Half),
            3 => Some(Self::Full),
            _ => None,
        }
    }

    /// By how many bits a luma column and a luma row are shifted to find their chroma.
    pub(super) const fn shifts(self) -> (usize, usize) {
        match self {
            Self::Quarter => (1, 1),
            Self::Half => (1, 0),
            Self::None | Self::Full => (0, 0),
        }
    }
}

/// A conversion of rows to RGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colours {
    rule: Rule,
    /// Columns are shifted by so many bits to find their chroma.
    shift: usize,
    /// Bits of a sample.
    depth: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Gray,
    /// Gray of more than 8 bits, which Pillow opens as 16 bits (`I;16`), with the highest bits set, and cuts off at 255.
    DeepGray,
    /// Green, blue and red as they are.
    Identity {
        full_range: bool,
    },
    /// 256ths of the factors, on samples of 8 bits.
    Integer([i32; 4]),
    Float {
        factors: Factors,
        full_range: bool,
    },
}

/// Factors of chroma in the colours.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Factors {
    red_red: f32,
    green_blue: f32,
    green_red: f32,
    blue_blue: f32,
}

impl Colours {
    /// The conversion that libheif chooses, and Pillow's for gray.
    ///
    /// # Errors
    /// [`Error::UnsupportedImage`] for a matrix that it does not have.
    pub(super) fn new(nclx: Nclx, chroma: Chroma, depth: u32, has_alpha: bool) -> Result<Self, Error> {
        // Undefined values are those of sRGB (nclx.cc, `replace_undefined_values_with_sRGB_defaults`).
        let matrix = if nclx.matrix == 2 { 6 } else { nclx.matrix };
        let primaries = if nclx.primaries == 2 { 1 } else { nclx.primaries };
        let full_range = nclx.full_range;
        let rule = match (chroma, matrix) {
            (Chroma::None, _) if depth > 8 && !has_alpha => Rule::DeepGray,
            (Chroma::None, _) => Rule::Gray,
            (_, 8 | 11 | 14 | 16 | 17) => return Err(Error::UnsupportedImage { kind: "HEIC of this colour matrix" }),
            (Chroma::Quarter, matrix) if full_range && matrix != 0 => {
                Rule::Integer(Factors::of(matrix, primaries).in_256ths())
            }
            (_, 0) => Rule::Identity { full_range },
            (_, matrix) => Rule::Float { factors: Factors::of(matrix, primaries), full_range },
        };
        Ok(Self { rule, shift: chroma.shifts().0, depth })
    }

    /// Converts as many columns as `rgb` has room for.
    pub(super) fn convert(&self, row: &Row<'_>, rgb: &mut [u8]) {
        match self.rule {
            Rule::Gray => {
                for (pixel, luma) in rgb.chunks_exact_mut(CHANNELS).zip(row.luma) {
                    pixel.fill(self.byte(*luma));
                }
            }
            Rule::DeepGray => {
                for (pixel, luma) in rgb.chunks_exact_mut(CHANNELS).zip(row.luma) {
                    pixel.fill(clamped(luma << (16 - self.depth)));
                }
            }
            Rule::Identity { full_range } => {
                self.each(row, rgb, |[luma, blue, red]| self.identity([red, luma, blue], full_range));
            }
            Rule::Integer(factors) => self.each(row, rgb, |samples| self.integer(samples, factors)),
            Rule::Float { factors, full_range } => {
                self.each(row, rgb, |samples| self.float(samples, factors, full_range));
            }
        }
    }

    /// Divides colours by the opacity in the row's luma (Pillow's Convert.c, `rgbA2rgba`).
    pub(super) fn divide(&self, row: &Row<'_>, rgb: &mut [u8]) {
        for (pixel, luma) in rgb.chunks_exact_mut(CHANNELS).zip(row.luma) {
            let alpha = i32::from(self.byte(*luma));
            if alpha > 0 {
                for colour in pixel {
                    *colour = clamped(i32::from(*colour) * 255 / alpha);
                }
            }
        }
    }

    fn each(&self, row: &Row<'_>, rgb: &mut [u8], pixel: impl Fn([i32; 3]) -> [u8; 3]) {
        let (mut rgb, mut luma, mut chroma) = (rgb, row.luma, row.blue.iter().zip(row.red));
        let columns = 1 << self.shift;
        let mut group = if row.odd { 1 } else { columns };
        while let Some((blue, red)) = chroma.next()
            && !rgb.is_empty()
        {
            let (some, rest) = rgb.split_at_mut(rgb.len().min(group * CHANNELS));
            for (rgb, luma) in some.chunks_exact_mut(CHANNELS).zip(luma) {
                rgb.copy_from_slice(&pixel([*luma, *blue, *red]));
            }
            (rgb, luma) = (rest, luma.get(group..).unwrap_or_default());
            group = columns;
        }
    }

    /// A sample without the bits above 8 (`hdr_sdr.cc`).
    fn byte(&self, sample: i32) -> u8 {
        clamped(sample >> (self.depth - 8))
    }

    /// `Op_YCbCr420_to_RGB24`.
    fn integer(&self, samples: [i32; 3], [red_red, green_blue, green_red, blue_blue]: [i32; 4]) -> [u8; 3] {
        let [luma, blue, red] = samples.map(|sample| i32::from(self.byte(sample)));
        let (blue, red) = (blue - 128, red - 128);
        [
            clamped(luma + ((red_red * red + 128) >> 8)),
            clamped(luma + ((green_blue * blue + green_red * red + 128) >> 8)),
            clamped(luma + ((blue_blue * blue + 128) >> 8)),
        ]
    }

    /// `Op_YCbCr_to_RGB`, which keeps the depth. The bits above 8 are cut off afterwards.
    #[expect(clippy::cast_precision_loss, reason = "samples have 16 bits at most")]
    fn float(&self, [luma, blue, red]: [i32; 3], factors: Factors, full_range: bool) -> [u8; 3] {
        let half = 1 << (self.depth - 1);
        let (mut luma, mut blue, mut red) = (luma as f32, (blue - half) as f32, (red - half) as f32);
        if !full_range {
            luma = (luma - self.black()) * 1.1689;
            blue *= 1.1429;
            red *= 1.1429;
        }
        [
            self.rounded(luma + factors.red_red * red),
            self.rounded(luma + factors.green_blue * blue + factors.green_red * red),
            self.rounded(luma + factors.blue_blue * blue),
        ]
    }

    /// Matrix 0 in `Op_YCbCr_to_RGB`.
    #[expect(clippy::cast_precision_loss, reason = "samples have 16 bits at most")]
    fn identity(&self, [red, green, blue]: [i32; 3], full_range: bool) -> [u8; 3] {
        if full_range {
            return [red, green, blue].map(|sample| self.byte(sample));
        }
        let stretched = |sample: i32, factor: f32| self.rounded((sample as f32 - self.black()) * factor);
        [stretched(red, 1.1429), stretched(green, 1.1689), stretched(blue, 1.1429)]
    }

    /// Black in the limited range.
    #[expect(clippy::cast_precision_loss, reason = "16 << 8 at most")]
    fn black(&self) -> f32 {
        (16_u32 << (self.depth - 8)) as f32
    }

    /// `clip_f_u16` in `common_utils.h`, then the highest 8 bits.
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    fn rounded(&self, value: f32) -> u8 {
        self.byte(((value + 0.5) as i32).clamp(0, (1 << self.depth) - 1))
    }
}

impl Factors {
    /// `get_YCbCr_to_RGB_coefficients`.
    fn of(matrix: u16, primaries: u16) -> Self {
        let Some((red, blue)) = weights(matrix, primaries) else {
            return Self { red_red: 1.402, green_blue: -0.344_136, green_red: -0.714_136, blue_blue: 1.772 };
        };
        Self {
            red_red: 2.0 * (-red + 1.0),
            green_blue: 2.0 * blue * (-blue + 1.0) / (blue + red - 1.0),
            green_red: 2.0 * red * (-red + 1.0) / (blue + red - 1.0),
            blue_blue: 2.0 * (-blue + 1.0),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the factors are small")]
    fn in_256ths(self) -> [i32; 4] {
        [self.red_red, self.green_blue, self.green_red, self.blue_blue].map(|factor| (256.0 * factor).round() as i32)
    }
}

/// The weights of red and blue in luma (`get_Kr_Kb`; ITU-T H.273, table 4).
fn weights(matrix: u16, primaries: u16) -> Option<(f32, f32)> {
    match matrix {
        1 => Some((0.2126, 0.0722)),
        4 => Some((0.30, 0.11)),
        5 | 6 => Some((0.299, 0.114)),
        7 => Some((0.212, 0.087)),
        9 | 10 => Some((0.2627, 0.0593)),
        12 | 13 => weights_of_primaries(primaries),
        _ => None,
    }
}

/// The weights that follow from the primaries (ITU-T H.273, equations 32 to 37).
fn weights_of_primaries(primaries: u16) -> Option<(f32, f32)> {
    let [green, blue, red, white] = chromaticities(primaries)?.map(|(x, y)| [x, y, 1.0 - (x + y)]);
    let minor = |a: [f32; 3], b: [f32; 3], i: usize, j: usize| a[i] * b[j] - b[i] * a[j];
    let denominator = white[1]
        * (red[0] * minor(green, blue, 1, 2) + green[0] * minor(blue, red, 1, 2) + blue[0] * minor(red, green, 1, 2));
    if denominator == 0.0 {
        return None;
    }
    let share = |own: [f32; 3], a: [f32; 3], b: [f32; 3]| {
        own[1] * (white[0] * minor(a, b, 1, 2) + white[1] * minor(b, a, 0, 2) + white[2] * minor(a, b, 0, 1))
            / denominator
    };
    Some((share(red, green, blue), share(blue, red, green)))
}

/// Green, blue, red and white (ITU-T H.273, table 2).
const fn chromaticities(primaries: u16) -> Option<[(f32, f32); 4]> {
    const D65: (f32, f32) = (0.3127, 0.3290);
    const C: (f32, f32) = (0.310, 0.316);
    match primaries {
        1 => Some([(0.300, 0.600), (0.150, 0.060), (0.640, 0.330), D65]),
        4 => Some([(0.21, 0.71), (0.14, 0.08), (0.67, 0.33), C]),
        5 => Some([(0.29, 0.60), (0.15, 0.06), (0.64, 0.33), D65]),
        6 | 7 => Some([(0.310, 0.595), (0.155, 0.070), (0.630, 0.340), D65]),
        8 => Some([(0.243, 0.692), (0.145, 0.049), (0.681, 0.319), C]),
        9 => Some([(0.170, 0.797), (0.131, 0.046), (0.708, 0.292), D65]),
        10 => Some([(0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (0.333_333, 0.333_33)]),
        11 => Some([(0.265, 0.690), (0.150, 0.060), (0.680, 0.320), (0.314, 0.351)]),
        12 => Some([(0.265, 0.690), (0.150, 0.060), (0.680, 0.320), D65]),
        22 => Some([(0.295, 0.605), (0.155, 0.077), (0.630, 0.340), D65]),
        _ => None,
    }
}

fn clamped(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}
