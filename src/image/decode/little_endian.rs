//! Numbers in little-endian order, as BMP, GIF and ICO store them.

use crate::error::Error;

/// The 16-bit number at the byte `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

/// The 32-bit number at the byte `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

fn array_at<const LENGTH: usize>(bytes: &[u8], at: usize) -> Result<[u8; LENGTH], Error> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(Error::DamagedImage)
}
