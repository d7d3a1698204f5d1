//! What the server and the process that decodes say to each other: numbers of fixed length, and bytes behind them.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::image::decode::limits::{Limits, Source};
use crate::image::{Orientation, Picture, Size};
use crate::stop::Stop;

/// The kinds that are not decoded, by their names in messages. The first one stands for a name that is not in the list.
const KINDS: [&str; 18] = [
    "This kind of HEIF",
    "This kind of HEIC",
    "AVIF with this colour matrix",
    "HEIC",
    "HEIC of more than 16 megapixels without tiles",
    "HEIC of this colour matrix",
    "HEIC of two depths",
    "HEIF with H.264 inside",
    "HEIF with H.266 inside",
    "HEIF with JPEG 2000 inside",
    "HEIF with JPEG inside",
    "HEIF with an overlay",
    "HEIF with data in very many parts",
    "HEIF with data made from other data",
    "HEIF with more than 256 tiles",
    "HEIF with thousands of items",
    "HEIF with thousands of references",
    "HEIF with uncompressed pixels",
];

/// A file to be decoded; its bytes follow.
pub(super) struct Question {
    pub(super) length: u64,
    pub(super) limits: Limits,
    /// Milliseconds until the work is to stop.
    remaining: u64,
}

impl Question {
    pub(super) const BYTES: usize = 5 * 8;

    pub(super) fn of(source: &Source<'_>) -> Self {
        let remaining = u64::try_from(source.stop.remaining().as_millis()).unwrap_or(u64::MAX);
        Self { length: source.file.len() as u64, limits: source.limits, remaining }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Limits { max_pixels, max_bytes, resize_bytes, .. } = self.limits;
        [self.length, max_pixels, max_bytes, resize_bytes, self.remaining].map(u64::to_le_bytes).concat()
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let [length, max_pixels, max_bytes, resize_bytes, remaining] = numbers(bytes);
        // The pixels are in both processes at once.
        Self { length, limits: Limits { max_pixels, max_bytes, resize_bytes, copies: 2 }, remaining }
    }

    pub(super) fn stop(&self) -> Stop {
        let remaining = Duration::from_millis(self.remaining);
        Instant::now().checked_add(remaining).filter(|_| self.remaining != u64::MAX).map_or(Stop::never(), Stop::at)
    }
}

/// A picture, whose pixels follow, or an error.
pub(super) struct Answer([u64; 4]);

/// The first number of an answer.
mod code {
    pub(super) const PICTURE: u64 = 0;
    pub(super) const UNSUPPORTED: u64 = 1;
    pub(super) const DAMAGED: u64 = 2;
    pub(super) const TOO_MANY_PIXELS: u64 = 3;
    pub(super) const SIDE_TOO_LONG: u64 = 4;
    pub(super) const TOO_COSTLY: u64 = 5;
    pub(super) const OUT_OF_MEMORY: u64 = 6;
    pub(super) const DEADLINE_EXCEEDED: u64 = 7;
    pub(super) const INTERNAL: u64 = 8;
}

impl Answer {
    pub(super) const BYTES: usize = 4 * 8;

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.map(u64::to_le_bytes).concat()
    }

    /// `None` for an answer that begins with no code.
    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let found = Self(numbers(bytes));
        (found.0[0] <= code::INTERNAL).then_some(found)
    }

    pub(super) fn of(result: &Result<Picture, Error>) -> Self {
        let sides = |width: u32, height: u32| (u64::from(width), u64::from(height));
        Self(match result {
            Ok(Picture { size, orientation, .. }) => {
                let (width, height) = sides(size.width, size.height);
                [code::PICTURE, width, height, turn(*orientation)]
            }
            Err(Error::UnsupportedImage { kind }) => {
                let place = KINDS.iter().position(|known| known == kind).unwrap_or(0);
                [code::UNSUPPORTED, place as u64, 0, 0]
            }
            Err(Error::TooManyPixels { width, height, limit }) => {
                let (width, height) = sides(*width, *height);
                [code::TOO_MANY_PIXELS, width, height, *limit]
            }
            Err(Error::SideTooLong { width, height, limit }) => {
                let (width, height) = sides(*width, *height);
                [code::SIDE_TOO_LONG, width, height, u64::from(*limit)]
            }
            Err(Error::TooCostly { bytes, limit }) => [code::TOO_COSTLY, *bytes, *limit, 0],
            Err(Error::OutOfMemory) => [code::OUT_OF_MEMORY, 0, 0, 0],
            Err(Error::DeadlineExceeded) => [code::DEADLINE_EXCEEDED, 0, 0, 0],
            Err(Error::Internal) => [code::INTERNAL, 0, 0, 0],
            Err(_) => [code::DAMAGED, 0, 0, 0],
        })
    }

    pub(super) fn result(&self) -> Result<Picture, Error> {
        let [code, first, second, third] = self.0;
        let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (side(first), side(second));
        Err(match code {
            code::PICTURE => {
                let (size, orientation) = (Size { width, height }, orientation(third));
                return Ok(Picture { size, reduction: 1, orientation });
            }
            code::UNSUPPORTED => {
                let kind = usize::try_from(first).ok().and_then(|place| KINDS.get(place)).unwrap_or(&KINDS[0]);
                Error::UnsupportedImage { kind }
            }
            code::TOO_MANY_PIXELS => Error::TooManyPixels { width, height, limit: third },
            code::SIDE_TOO_LONG => Error::SideTooLong { width, height, limit: side(third) },
            code::TOO_COSTLY => Error::TooCostly { bytes: first, limit: second },
            code::OUT_OF_MEMORY => Error::OutOfMemory,
            code::DEADLINE_EXCEEDED => Error::DeadlineExceeded,
            code::INTERNAL => Error::Internal,
            _ => Error::DamagedImage,
        })
    }
}

fn turn(orientation: Orientation) -> u64 {
    let Orientation { transpose, mirror_x, mirror_y } = orientation;
    u64::from(transpose) | u64::from(mirror_x) << 1 | u64::from(mirror_y) << 2
}

fn orientation(turn: u64) -> Orientation {
    Orientation { transpose: turn & 1 != 0, mirror_x: turn & 2 != 0, mirror_y: turn & 4 != 0 }
}

/// The little-endian numbers in `bytes`, which has eight for each.
fn numbers<const COUNT: usize>(bytes: &[u8]) -> [u64; COUNT] {
    let mut numbers = [0; COUNT];
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The literals in the decoders' source are the list.
    #[test]
    fn every_kind_has_a_place_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/image/decode/heif");
        let mut found = std::collections::BTreeSet::new();
        let mut folders = vec![std::path::PathBuf::from(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(path).unwrap();
                let names = source.split("kind: \"").skip(1).filter_map(|rest| rest.split_once('"'));
                found.extend(names.map(|(name, _)| name.to_owned()));
            }
        }
        assert_eq!(found, KINDS.iter().map(|kind| (*kind).to_owned()).collect());
    }

    #[test]
    fn every_answer_arrives_as_it_was_sent() {
        let size = Size { width: 3, height: 65_535 };
        let pictures =
            (1..=8).map(|turn| Ok(Picture { size, reduction: 1, orientation: Orientation::from_exif(turn) }));
        let unsupported = KINDS.iter().map(|kind| Err(Error::UnsupportedImage { kind }));
        let others = [
            Error::TooManyPixels { width: 1 << 31, height: 7, limit: u64::MAX },
            Error::SideTooLong { width: 1, height: 70_000, limit: 65_535 },
            Error::TooCostly { bytes: u64::MAX, limit: 640_000_000 },
            Error::OutOfMemory,
            Error::DeadlineExceeded,
            Error::Internal,
            Error::DamagedImage,
        ];
        for result in pictures.chain(unsupported).chain(others.map(Err)) {
            let bytes = Answer::of(&result).to_bytes();
            assert_eq!(Answer::from_bytes(&bytes.try_into().unwrap()).unwrap().result(), result);
        }
        assert!(Answer::from_bytes(&[0xff; Answer::BYTES]).is_none());
    }

    #[test]
    fn a_question_arrives_as_it_was_sent() {
        let stop = Stop::never();
        let limits = Limits { max_pixels: 1, max_bytes: 2, resize_bytes: 3, copies: 1 };
        let sent = Question::of(&Source { file: b"four", limits, stop: &stop });
        let arrived = Question::from_bytes(&sent.to_bytes().try_into().unwrap());
        let Limits { max_pixels, max_bytes, resize_bytes, copies } = arrived.limits;
        assert_eq!((arrived.length, max_pixels, max_bytes, resize_bytes, copies), (4, 1, 2, 3, 2));
        assert_eq!(arrived.stop().remaining(), Duration::MAX);
    }
}
