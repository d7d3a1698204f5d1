//! Files as libjpeg-turbo writes them, and its pixels of them.

#![allow(unsafe_code, reason = "the safe form of libjpeg-turbo sets no restart intervals")]

use std::ffi::c_int;

use turbojpeg::raw;

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::image::dct) struct Kind {
    pub(in crate::image::dct) subsampling: Subsampling,
    pub(in crate::image::dct) quality: c_int,
    /// MCUs from one restart marker to the next; 0 for none.
    pub(in crate::image::dct) restarts: c_int,
    /// Whether it has Huffman codes of its own.
    pub(in crate::image::dct) is_optimised: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::image::dct) enum Subsampling {
    None,
    TwoAcross,
    TwoDown,
    Both,
    FourAcross,
    Gray,
}

impl Subsampling {
    pub(in crate::image::dct) const ALL: [Self; 6] =
        [Self::None, Self::TwoAcross, Self::TwoDown, Self::Both, Self::FourAcross, Self::Gray];

    fn number(self) -> raw::TJSAMP {
        match self {
            Self::None => raw::TJSAMP_TJSAMP_444,
            Self::TwoAcross => raw::TJSAMP_TJSAMP_422,
            Self::TwoDown => raw::TJSAMP_TJSAMP_440,
            Self::Both => raw::TJSAMP_TJSAMP_420,
            Self::FourAcross => raw::TJSAMP_TJSAMP_411,
            Self::Gray => raw::TJSAMP_TJSAMP_GRAY,
        }
    }
}

impl Kind {
    pub(in crate::image::dct) fn new(subsampling: Subsampling) -> Self {
        Self { subsampling, quality: 90, restarts: 0, is_optimised: false }
    }

    /// The file of `pixels`, RGB triples in rows of `width`.
    pub(in crate::image::dct) fn encode(self, pixels: &[u8], width: usize) -> Vec<u8> {
        let height = pixels.len() / (width * 3);
        assert_eq!(pixels.len(), width * height * 3);
        let (width, height) = (c_int::try_from(width).unwrap(), c_int::try_from(height).unwrap());
        let (mut file, mut length) = (std::ptr::null_mut(), 0);
        // SAFETY: the handle is live up to its destruction. `pixels` has the size that is stated. libjpeg-turbo allocates the
        // file, as the pointer is null, and states its length.
        unsafe {
            let handle = raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS.cast_signed());
            assert!(!handle.is_null());
            for (parameter, value) in [
                (raw::TJPARAM_TJPARAM_SUBSAMP, self.subsampling.number()),
                (raw::TJPARAM_TJPARAM_QUALITY, self.quality),
                (raw::TJPARAM_TJPARAM_RESTARTBLOCKS, self.restarts),
                (raw::TJPARAM_TJPARAM_OPTIMIZE, self.is_optimised.into()),
            ] {
                assert_eq!(raw::tj3Set(handle, parameter.cast_signed(), value), 0, "{self:?}");
            }
            let format = raw::TJPF_TJPF_RGB;
            let status =
                raw::tj3Compress8(handle, pixels.as_ptr(), width, 0, height, format, &raw mut file, &raw mut length);
            assert_eq!(status, 0);
            let copy = std::slice::from_raw_parts(file, usize::try_from(length).unwrap()).to_vec();
            raw::tj3Free(file.cast());
            raw::tj3Destroy(handle);
            copy
        }
    }
}

/// The pixels of a file, RGB triples.
pub(in crate::image::dct) fn decode(file: &[u8]) -> Vec<u8> {
    turbojpeg::decompress(file, turbojpeg::PixelFormat::RGB).unwrap().pixels
}
