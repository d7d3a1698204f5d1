//! The limits on a picture. What a file's header states is held against them before memory is taken.

use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use crate::stop::Stop;

/// The most pixels of a side. JPEG has no larger one (ITU-T T.81, B.2.2).
pub const MAX_SIDE: u32 = 65_535;

/// Bytes that a decoder may take without a look whether they can be had: the buffer for the pixels leaves more than that
/// ([`crate::memory`]).
const UNPROBED: u64 = 16 << 20;

/// The limits on one picture.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most pixels, width times height.
    pub max_pixels: u64,
    /// The most bytes that decoding and resizing may take together, beside the file.
    pub max_bytes: u64,
    /// Bytes that the resize takes for each pixel of the longer side
    /// ([`Preprocess::bytes_per_side`](crate::image::Preprocess::bytes_per_side)).
    pub resize_bytes: u64,
    /// How often the pixels are held: twice where a process hands them to another.
    pub copies: u64,
}

impl Limits {
    /// No limits but that on a side; for trusted files.
    pub const NONE: Self = Self { max_pixels: u64::MAX, max_bytes: u64::MAX, resize_bytes: 0, copies: 1 };
}

/// A file, and what its decoder obeys.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a [u8],
    pub(super) limits: Limits,
    pub(super) stop: &'a Stop,
}

impl Limits {
    /// Checks the size that a header states.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] for a side of 0, [`Error::SideTooLong`], [`Error::TooManyPixels`].
    pub(in crate::image) fn check(&self, size: Size) -> Result<Size, Error> {
        let (Size { width, height }, limit) = (size, self.max_pixels);
        if width == 0 || height == 0 {
            return Err(Error::DamagedImage);
        }
        if width.max(height) > MAX_SIDE {
            return Err(Error::SideTooLong { width, height, limit: MAX_SIDE });
        }
        if u64::from(width) * u64::from(height) > limit {
            return Err(Error::TooManyPixels { width, height, limit });
        }
        Ok(size)
    }
}

impl Source<'_> {
    /// See [`Limits::check`].
    ///
    /// # Errors
    /// As there.
    pub(super) fn check(&self, size: Size) -> Result<Size, Error> {
        self.limits.check(size)
    }

    /// Checks the price of a picture whose size has been checked, and that what is taken beside the pixels can be had now. `decoded`
    /// is the size of the pixels that will be written, `beside` what the decoder takes beside them, in bytes, estimated from
    /// above.
    ///
    /// # Errors
    /// [`Error::TooCostly`], [`Error::OutOfMemory`].
    pub(super) fn admit(&self, decoded: Size, beside: u64) -> Result<(), Error> {
        self.price(decoded, beside)?;
        probe(beside)
    }

    /// The same for a decoder that aborts the process where it is refused memory: it allocates the pixels first, without
    /// clearing them, so that what is probed for is what is left beside them.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub(super) fn admit_beside(&self, decoded: Size, beside: u64, pixels: &mut Vec<u8>) -> Result<(), Error> {
        self.price(decoded, beside)?;
        memory::resize(pixels, decoded.pixels() * CHANNELS)?;
        probe(beside)
    }

    fn price(&self, decoded: Size, beside: u64) -> Result<(), Error> {
        let side = u64::from(decoded.width.max(decoded.height));
        let resize = self.limits.resize_bytes.saturating_mul(side);
        let pixels = (decoded.pixels() as u64).saturating_mul(CHANNELS as u64 * self.limits.copies);
        let bytes = pixels.saturating_add(beside).saturating_add(resize);
        if bytes > self.limits.max_bytes {
            return Err(Error::TooCostly { bytes, limit: self.limits.max_bytes });
        }
        Ok(())
    }
}

/// Small amounts are not probed for: the buffer for the pixels leaves more than that.
fn probe(bytes: u64) -> Result<(), Error> {
    if bytes < UNPROBED { Ok(()) } else { memory::probe(usize::try_from(bytes).unwrap_or(usize::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_pixels: 1_000_000, max_bytes: 3_000_000, resize_bytes: 10, copies: 1 };

    fn source(stop: &Stop) -> Source<'_> {
        Source { file: b"", limits: LIMITS, stop }
    }

    #[test]
    fn a_size_is_checked_by_its_sides_and_its_pixels() {
        let stop = Stop::never();
        let check = |width, height| source(&stop).check(Size { width, height }).map(drop);
        assert_eq!(check(1000, 1000), Ok(()));
        assert_eq!(check(65_535, 1), Ok(()));
        assert_eq!(check(0, 1), Err(Error::DamagedImage));
        assert_eq!(check(1, 65_536), Err(Error::SideTooLong { width: 1, height: 65_536, limit: 65_535 }));
        assert_eq!(check(1000, 1001), Err(Error::TooManyPixels { width: 1000, height: 1001, limit: 1_000_000 }));
    }

    #[test]
    fn the_price_is_that_of_the_pixels_the_decoder_and_the_resize() {
        let stop = Stop::never();
        let admit = |beside| source(&stop).admit(Size { width: 1000, height: 900 }, beside);
        assert_eq!(admit(3_000_000 - 2_700_000 - 10_000), Ok(()));
        assert_eq!(admit(290_001), Err(Error::TooCostly { bytes: 3_000_001, limit: 3_000_000 }));
        assert_eq!(admit(u64::MAX), Err(Error::TooCostly { bytes: u64::MAX, limit: 3_000_000 }));
    }
}
