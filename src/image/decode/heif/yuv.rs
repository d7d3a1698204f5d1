//! Rows of luma and chroma samples to RGB, with libavif's choice of arithmetic, so that the result is Pillow's to the letter.
//!
//! libavif hands the common matrices to libyuv, which computes in integers ([`super::yuv_integer`]), and computes the others
//! itself, in floating point ([`super::yuv_float`]). The choice is that of `avifImageYUVToRGBLibYUV` in libavif 1.4,
//! `reformat_libyuv.c`.

use super::yuv_alpha::Division;
use super::yuv_float::Float;
use super::yuv_integer::Integer;
use crate::error::Error;
use crate::image::Size;
use crate::memory;

/// How chroma is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// No chroma: 4:0:0.
    Gray,
    /// Half as many columns and rows: 4:2:0.
    Quarter,
    /// Half as many columns: 4:2:2.
    Half,
    /// As many as luma: 4:4:4.
    Full,
}

impl Layout {
    /// The size of a chroma plane in a picture of `size`.
    pub(super) const fn chroma(self, size: Size) -> Size {
        let Size { width, height } = size;
        match self {
            Self::Gray => Size { width: 0, height: 0 },
            Self::Quarter => Size { width: width.div_ceil(2), height: height.div_ceil(2) },
            Self::Half => Size { width: width.div_ceil(2), height },
            Self::Full => size,
        }
    }
}

/// What the samples mean, by the code points of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colours {
    /// Table 2.
    pub(super) primaries: u16,
    /// Table 4.
    pub(super) matrix: u16,
    /// Whether the samples use all their values.
    pub(super) full_range: bool,
}

/// The form of a picture's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) size: Size,
    pub(super) layout: Layout,
    /// 8, 10 or 12.
    pub(super) bits: u32,
    pub(super) colours: Colours,
    /// Pillow asks for RGBA then, and libavif computes some forms in another order.
    pub(super) has_alpha: bool,
}

/// Planes that can be read a row at a time: 0 is luma, 1 and 2 are chroma.
pub(super) trait Planes {
    /// Fills `samples` with the first samples of a row.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] if there is no such row.
    fn read(&self, plane: usize, row: usize, samples: &mut [u16]) -> Result<(), Error>;
}

/// Samples of one plane, in two rows: that of the pixel, and the next one above or below.
#[derive(Default)]
struct Chroma {
    near: Vec<u16>,
    far: Vec<u16>,
}

enum Method {
    Integer(Integer),
    Float(Float),
}

/// Converts a picture, row by row.
pub(super) struct Converter {
    form: Form,
    method: Method,
    /// Bits that are cut off before the arithmetic.
    shift: u32,
    luma: Vec<u16>,
    chroma: [Chroma; 2],
}

impl Converter {
    /// A converter, with memory for its rows.
    ///
    /// # Errors
    /// [`Error::UnsupportedImage`] for a matrix that libavif does not know, [`Error::OutOfMemory`].
    pub(super) fn new(form: Form) -> Result<Self, Error> {
        let (method, shift) = match Integer::new(&form)? {
            Some((integer, shift)) => (Method::Integer(integer), shift),
            None => (Method::Float(Float::new(&form)?), 0),
        };
        let mut converter = Self { form, method, shift, luma: Vec::new(), chroma: Default::default() };
        memory::zeros(&mut converter.luma, form.size.width as usize)?;
        let width = form.layout.chroma(form.size).width as usize;
        for Chroma { near, far } in &mut converter.chroma {
            memory::zeros(near, width)?;
            memory::zeros(far, width)?;
        }
        Ok(converter)
    }

    /// Writes the row `y` to `rgb`, which has three bytes for each pixel.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] if the planes do not have its samples.
    pub(super) fn row(&mut self, y: usize, planes: &impl Planes, rgb: &mut [u8]) -> Result<(), Error> {
        let shift = self.shift;
        let read = |plane: usize, row: usize, samples: &mut [u16]| -> Result<(), Error> {
            planes.read(plane, row, samples)?;
            if shift > 0 {
                for sample in samples.iter_mut() {
                    *sample >>= shift;
                }
            }
            Ok(())
        };
        read(0, y, &mut self.luma)?;
        if self.form.layout != Layout::Gray {
            let (near, far) = self.chroma_rows(y);
            for (index, chroma) in self.chroma.iter_mut().enumerate() {
                read(index + 1, near, &mut chroma.near)?;
                if far == near {
                    chroma.far.copy_from_slice(&chroma.near);
                } else {
                    read(index + 1, far, &mut chroma.far)?;
                }
            }
        }
        let [u, v] = [&self.chroma[0], &self.chroma[1]].map(|chroma| [&chroma.near[..], &chroma.far[..]]);
        match &mut self.method {
            Method::Integer(integer) => integer.row(&self.luma, u, v, rgb),
            Method::Float(float) => float.row(&self.luma, u, v, rgb),
        }
        Ok(())
    }

    /// The chroma row that covers the row `y`, and the next nearest one. At the edge, and where each row has its own, both are
    /// the same.
    fn chroma_rows(&self, y: usize) -> (usize, usize) {
        if self.form.layout != Layout::Quarter {
            return (y, y);
        }
        let (near, last) = (y / 2, (self.form.size.height as usize).div_ceil(2).saturating_sub(1));
        (near, if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(last) })
    }

    /// How libavif divides colours of this form by their alpha.
    pub(super) fn division(&self) -> Division {
        match &self.method {
            Method::Integer(integer) if integer.shifts_alpha() => Division::Shifted,
            Method::Float(float) if float.divides() => Division::Floating,
            _ => Division::Rounded,
        }
    }
}
