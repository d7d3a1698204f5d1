//! The orientation in Exif data, which have the form of a TIFF file (Exif 2.32, section 4.6.4).

use super::super::directory::{Entry, Numbers};

const ORIENTATION: u16 = 0x0112;

/// The orientation in the first directory: `None` where it has none, 0 where it has one that is not a number.
///
/// As Pillow does, the first entry of the tag whose values lie inside the data counts, of any type of number, and of several
/// values the first. Entries whose values add up to more than all of the data are not read.
pub(super) fn orientation(exif: &[u8]) -> Option<u32> {
    let numbers = Numbers::of(exif)?;
    let mut left = exif.len() as u64;
    for entry in numbers.first_directory()? {
        let Some(size) = size(entry.kind) else { continue };
        let bytes = entry.count.saturating_mul(size as u64);
        let is_inline = bytes <= numbers.field() as u64;
        if !is_inline {
            // The sum stays above the data once it is: no later entry fits either.
            left = left.saturating_sub(bytes);
        }
        if entry.tag != ORIENTATION || bytes == 0 || (!is_inline && left == 0) {
            continue;
        }
        if let Some(place) = numbers.place(&entry, size) {
            return Some(value(numbers, &entry, place).unwrap_or(0));
        }
    }
    None
}

/// Bytes of a value of each type (TIFF 6.0, section 2; `BigTIFF` has 16).
fn size(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 => Some(8),
        _ => None,
    }
}

/// The first value, if it is a number from 0 to 255. Bytes and text are none.
fn value(numbers: Numbers<'_>, entry: &Entry, place: usize) -> Option<u32> {
    let read = |at, length| numbers.read(at, length);
    let number = match entry.kind {
        3 | 8 => read(place, 2)?,
        4 | 9 | 13 => read(place, 4)?,
        6 => read(place, 1)?,
        16 => read(place, 8)?,
        5 | 10 => {
            let (numerator, denominator) = (read(place, 4)?, read(place + 4, 4)?);
            if numerator.checked_rem(denominator)? != 0 {
                return None;
            }
            numerator / denominator
        }
        11 => whole(f64::from(f32::from_bits(u32::try_from(read(place, 4)?).ok()?)))?,
        12 => whole(f64::from_bits(read(place, 8)?))?,
        _ => return None,
    };
    // A negative number is large here.
    u8::try_from(number).ok().map(u32::from)
}

fn whole(number: f64) -> Option<u64> {
    (0..=8_u32).find(|whole| f64::from(*whole).to_bits() == number.to_bits()).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian directory at 8 with an orientation, and `data` behind it, at 26.
    fn exif(kind: u16, count: u32, value: [u8; 4], data: &[u8]) -> Vec<u8> {
        let (kind, count) = (kind.to_le_bytes(), count.to_le_bytes());
        [&b"II*\0\x08\0\0\0\x01\0\x12\x01"[..], &kind, &count, &value, &[0; 4], data].concat()
    }

    #[test]
    fn every_type_of_number_is_read() {
        for kind in [3, 4, 6, 8, 9, 13] {
            assert_eq!(orientation(&exif(kind, 1, [6, 0, 0, 0], b"")), Some(6), "{kind}");
        }
        assert_eq!(orientation(&exif(11, 1, 6.0_f32.to_le_bytes(), b"")), Some(6));
        let behind = 26_u32.to_le_bytes();
        assert_eq!(orientation(&exif(5, 1, behind, b"\x0c\0\0\0\x02\0\0\0")), Some(6));
        assert_eq!(orientation(&exif(12, 1, behind, &6.0_f64.to_le_bytes())), Some(6));
        assert_eq!(orientation(&exif(3, 3, behind, b"\x06\0\x07\0\x08\0")), Some(6));
    }

    #[test]
    fn what_is_no_number_is_upright() {
        for kind in [1, 2, 7] {
            assert_eq!(orientation(&exif(kind, 1, [6, 0, 0, 0], b"")), Some(0), "{kind}");
        }
        let behind = 26_u32.to_le_bytes();
        for rational in [b"\x0d\0\0\0\x02\0\0\0", b"\x06\0\0\0\0\0\0\0"] {
            assert_eq!(orientation(&exif(5, 1, behind, rational)), Some(0));
        }
        assert_eq!(orientation(&exif(8, 1, [0xff, 0xff, 0, 0], b"")), Some(0));
    }

    #[test]
    fn an_entry_that_can_not_be_read_is_none() {
        for (kind, count, value) in [(3, 0, 6), (14, 1, 6), (3, 3, 29), (3, 3, 1 << 20), (3, u32::MAX, 8)] {
            assert_eq!(
                orientation(&exif(kind, count, u32::to_le_bytes(value), b"123")),
                None,
                "{kind} {count} {value}"
            );
        }
        assert_eq!(orientation(b"II*\0\x08\0\0\0\0\0"), None);
        assert_eq!(orientation(b"neither"), None);
    }
}
