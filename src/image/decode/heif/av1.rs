//! AVIF.

use super::container::Coded;
use crate::error::Error;
use crate::image::Picture;
use crate::image::decode::limits::Source;

pub(super) fn decode(_source: &Source<'_>, _coded: &Coded<'_>, _pixels: &mut Vec<u8>) -> Result<Picture, Error> {
    Err(Error::UnsupportedImage { kind: "AVIF" })
}
