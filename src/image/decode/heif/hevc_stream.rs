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

/// Columns and rows of a coded picture that are not shown, at most. Blocks have up to 64.
const MAX_PADDING: u32 = 128;

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
        let coded = parameters.coded();
        // `shown` is not larger than `coded`.
        let is_padded = coded.width - parameters.shown().width <= MAX_PADDING
            && coded.height - parameters.shown().height <= MAX_PADDING;
        if parameters.shown() == size && is_padded { Ok(parameters) } else { Err(Error::DamagedImage) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::decode::Limits;
    use crate::image::decode::heif::container::{self, Codec};
    use crate::image::decode::limits::Source;
    use crate::stop::Stop;

    const SIZE: Size = Size { width: 64, height: 64 };

    /// The configuration and the data of a picture.
    fn picture() -> (Vec<u8>, Vec<u8>) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/heic/420.heic");
        let (file, stop) = (std::fs::read(path).unwrap(), Stop::never());
        let coded = container::read(&Source { file: &file, limits: Limits::NONE, stop: &stop }).unwrap();
        let configuration = coded.properties.configuration(Codec::Hevc).unwrap().to_vec();
        (configuration, coded.tiles[0].data().unwrap().into_owned())
    }

    /// A unit behind its length.
    fn unit(header: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len() + 2).unwrap().to_be_bytes();
        [&length[..], &[header, 1], content].concat()
    }

    #[test]
    fn the_parameter_sets_are_those_of_the_container() {
        let (configuration, _) = picture();
        assert!(Parameters::read(&configuration, SIZE).is_ok());
        let other = Size { width: 64, height: 48 };
        assert_eq!(Parameters::read(&configuration, other).map(drop), Err(Error::DamagedImage));
        for end in 0..configuration.len() - 1 {
            assert!(Parameters::read(&configuration[..end], SIZE).is_err(), "{end}");
        }
    }

    #[test]
    fn a_picture_has_no_more_units_than_rows_and_some() {
        let (configuration, data) = picture();
        let parameters = Parameters::read(&configuration, SIZE).unwrap();
        let with = |count| [data.clone(), unit(40 << 1, b"").repeat(count)].concat();
        assert_eq!(parameters.check(&with(200)), Ok(()));
        assert_eq!(parameters.check(&with(300)), Err(Error::DamagedImage));
        assert_eq!(parameters.check(&data[..data.len() - 1]), Err(Error::DamagedImage));
    }

    /// Each entry point takes a bit of the file, and 20 bytes of the decoder's memory.
    #[test]
    fn a_slice_has_no_more_entry_points_than_rows() {
        let (configuration, _) = picture();
        let mut parameters = Parameters::read(&configuration, SIZE).unwrap();
        parameters.sps.sample_adaptive_offset_enabled = false;
        parameters.pps.entropy_coding_sync_enabled = true;
        parameters.pps.slice_chroma_qp_offsets_present = false;
        parameters.pps.deblocking_filter_override_enabled = false;
        parameters.pps.loop_filter_across_slices_enabled = false;
        // The first slice, the parameter set 0, an I slice, no change of the quantiser; then the number of entry points, their
        // width of one bit, and those bits.
        let slice = |points: u32| {
            let code = points + 1;
            let zeros = "0".repeat(code.ilog2() as usize);
            let points = "0".repeat(points as usize);
            let bits = format!("1010111{zeros}{code:b}1{points}10000000");
            let byte = |bits: &[u8]| bits.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
            let bytes: Vec<u8> = bits.as_bytes().chunks_exact(8).map(byte).collect();
            // Emulation prevention (ITU-T H.265, section 7.4.2).
            let mut safe = Vec::new();
            for byte in bytes {
                if byte <= 3 && safe.ends_with(&[0, 0]) {
                    safe.push(3);
                }
                safe.push(byte);
            }
            unit(19 << 1, &[&safe[..], &[0x80; 8]].concat())
        };
        assert_eq!(parameters.check(&slice(1)), Ok(()));
        assert_eq!(parameters.check(&slice(2000)), Err(Error::DamagedImage));
        assert_eq!(parameters.check(&slice(2_000_000)), Err(Error::DamagedImage));
    }
}
