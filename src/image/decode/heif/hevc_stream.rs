//! The parts of an HEVC picture that must be known before it is decoded: its parameter sets and the headers of its slices.
//!
//! `heic-decoder` takes memory as these headers ask for, and its allocations can't be refused. What they state is held against
//! the container and the data first.

use heic_decoder::HeifError;
use heic_decoder::bitreader::strip_emulation_prevention;
use heic_decoder::hevc::nal::{NAL_PPS, NAL_SPS, is_slice_nal, parse_nal_header};
use heic_decoder::hevc::params::{Pps, Sps, parse_pps, parse_sps};
use heic_decoder::hevc::slice::parse_slice_header;
use heic_decoder::isobmff::{HevcDecoderConfig, HevcNalArray};

use super::boxes::Numbers;
use crate::error::Error;
use crate::image::Size;

/// Bytes of an `hvcC` before the width of the lengths (ISO/IEC 14496-15, section 8.3.3.1).
const BEFORE_LENGTH_WIDTH: usize = 21;

/// The parameter sets that are read of one `hvcC`, at most.
const MAX_SETS: usize = 64;

/// Units of a picture's data beside one slice for each row of blocks: enhancement information and other layers.
const OTHER_UNITS: usize = 256;

/// Bytes of a unit in which a slice's header must end: four for each row of blocks of the highest picture, and what comes
/// before and behind them.
const MAX_SLICE_HEADER: usize = 32 << 10;

/// A picture's parameter sets.
pub(super) struct Parameters {
    pub(super) sps: Sps,
    pps: Pps,
    /// Both sets in the decoder's form.
    pub(super) configuration: HevcDecoderConfig,
}

impl Parameters {
    /// Reads the content of an `hvcC`: the first parameter sets of the base layer. The size must be that of the container.
    ///
    /// # Errors
    /// [`Error::DamagedImage`], [`Error::UnsupportedImage`].
    pub(super) fn read(content: &[u8], size: Size) -> Result<Self, Error> {
        let mut numbers = Numbers(content);
        numbers.take(BEFORE_LENGTH_WIDTH)?;
        let length_size_minus_one = numbers.u8()? & 3;
        let (mut sps, mut pps, mut sets) = (None, None, 0);
        for _ in 0..numbers.u8()? {
            let kind = numbers.u8()? & 0x3f;
            for _ in 0..numbers.u16()? {
                let length = usize::from(numbers.u16()?);
                let unit = numbers.take(length)?;
                sets += 1;
                if sets > MAX_SETS {
                    return Err(Error::DamagedImage);
                }
                match kind {
                    NAL_SPS => sps = sps.or(payload(unit, NAL_SPS)?.map(|payload| (payload, unit))),
                    NAL_PPS => pps = pps.or(payload(unit, NAL_PPS)?.map(|payload| (payload, unit))),
                    _ => {}
                }
            }
        }
        let (sps, sps_unit) = sps.ok_or(Error::DamagedImage)?;
        let (pps, pps_unit) = pps.ok_or(Error::DamagedImage)?;
        let array = |nal_unit_type, unit: &[u8]| HevcNalArray { nal_unit_type, nalus: vec![unit.to_vec()] };
        let arrays = vec![array(NAL_SPS, sps_unit), array(NAL_PPS, pps_unit)];
        let configuration = HevcDecoderConfig { length_size_minus_one, arrays, ..HevcDecoderConfig::default() };
        let sps = parse_sps(&strip_emulation_prevention(sps)).map_err(to_error)?;
        let pps = parse_pps(&strip_emulation_prevention(pps)).map_err(to_error)?;
        let parameters = Self { sps, pps, configuration };
        if parameters.shown() == size { Ok(parameters) } else { Err(Error::DamagedImage) }
    }

    /// The size of the coded picture: whole blocks.
    pub(super) const fn coded(&self) -> Size {
        Size { width: self.sps.pic_width_in_luma_samples, height: self.sps.pic_height_in_luma_samples }
    }

    /// The size of the part that is shown (ITU-T H.265, section 7.4.3.2.1).
    fn shown(&self) -> Size {
        let (Size { width, height }, [left, right, top, bottom]) = (self.coded(), self.sps.conformance_window);
        let part = |whole: u32, before: u32, after: u32| whole.saturating_sub(before).saturating_sub(after);
        Size { width: part(width, left, right), height: part(height, top, bottom) }
    }

    /// Checks the units of a picture's data: that there are no more than a picture has, and that no slice has more entry points
    /// than rows of blocks. The decoder lists both.
    ///
    /// # Errors
    /// [`Error::DamagedImage`], [`Error::UnsupportedImage`].
    pub(super) fn check(&self, data: &[u8]) -> Result<(), Error> {
        let rows = (self.coded().height as usize).div_ceil(1 << self.sps.ctb_log2_size_y());
        let width = usize::from(self.configuration.length_size_minus_one) + 1;
        let (mut numbers, mut units) = (Numbers(data), 0);
        while !numbers.0.is_empty() {
            let length = usize::try_from(numbers.unsigned(width)?).map_err(|_| Error::DamagedImage)?;
            let unit = numbers.take(length)?;
            units += 1;
            if units > rows + OTHER_UNITS {
                return Err(Error::DamagedImage);
            }
            let (header, _) = parse_nal_header(unit).map_err(to_error)?;
            if is_slice_nal(header.nal_unit_type) && header.nuh_layer_id == 0 {
                let beginning = strip_emulation_prevention(&unit[2..unit.len().min(MAX_SLICE_HEADER)]);
                let slice = parse_slice_header(&beginning, header.nal_unit_type, &self.sps, &self.pps);
                if slice.map_err(to_error)?.0.entry_point_offsets.len() > rows {
                    return Err(Error::DamagedImage);
                }
            }
        }
        Ok(())
    }
}

/// What follows a unit's header, if the unit is of the wanted kind and of the base layer.
fn payload(unit: &[u8], wanted: u8) -> Result<Option<&[u8]>, Error> {
    let (header, payload) = parse_nal_header(unit).map_err(to_error)?;
    Ok((header.nal_unit_type == wanted && header.nuh_layer_id == 0).then_some(payload))
}

/// The error for one of the decoder's.
#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
pub(super) fn to_error(error: HeifError) -> Error {
    match error {
        HeifError::Unsupported(_) | HeifError::LimitExceeded(_) => {
            Error::UnsupportedImage { kind: "This kind of HEIC" }
        }
        _ => Error::DamagedImage,
    }
}
