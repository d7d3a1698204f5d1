//! The segments of a JPEG file, up to the end of its picture. What lies behind that, such as the video of a motion photo or
//! further pictures, is not the picture's.

/// The second byte of the marker with which a scan begins.
pub(super) const START_OF_SCAN: u8 = 0xda;
/// That of the end of the picture.
const END_OF_IMAGE: u8 = 0xd9;

/// The segments of a picture, each with its marker's second byte and its data (ITU-T T.81, B.1.1.4). The compressed data
/// behind a scan's header are skipped, and so are stray bytes.
pub(super) struct Segments<'a> {
    file: &'a [u8],
    at: usize,
    in_scan: bool,
    has_ended: bool,
}

impl<'a> Segments<'a> {
    pub(super) fn of(file: &'a [u8]) -> Self {
        Self { file, at: 2, in_scan: false, has_ended: false }
    }

    /// Whether the marker at the end of the picture has been met.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The second byte of the next marker; `at` is then behind it. In compressed data, zeros and restart markers (T.81,
    /// B.1.1.5) are no markers.
    fn next_marker(&mut self) -> Option<u8> {
        loop {
            let rest = self.file.get(self.at..)?;
            self.at += memchr::memchr(0xff, rest)? + 1;
            let second = *self.file.get(self.at)?;
            let is_marker = match second {
                // A fill byte: the marker may follow.
                0 | 0xff => false,
                0x01 | 0xd0..=0xd8 => !self.in_scan,
                _ => true,
            };
            if is_marker {
                self.at += 1;
                return Some(second);
            }
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let marker = self.next_marker()?;
            match marker {
                END_OF_IMAGE => {
                    self.has_ended = true;
                    return None;
                }
                // These have no data (T.81, B.1.1.3).
                0x01..=0xbf | 0xd0..=0xd8 => continue,
                _ => {}
            }
            let length = self.file.get(self.at..self.at + 2)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            let (begin, end) = (self.at + 2, self.at + length);
            (self.at, self.in_scan) = (end, marker == START_OF_SCAN);
            return Some((marker, self.file.get(begin..end).unwrap_or_default()));
        }
    }
}

/// The segments before the first scan.
pub(super) fn segments(file: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    Segments::of(file).take_while(|(marker, _)| *marker != START_OF_SCAN)
}

/// The scans of a picture.
pub(super) struct Scans {
    /// Their number, at most one more than asked for.
    pub(super) count: usize,
    /// Whether the end of the picture has been met.
    pub(super) has_end: bool,
}

/// Counts the scans up to the end of the picture, or to one more than `enough`.
pub(super) fn scans(file: &[u8], enough: usize) -> Scans {
    let mut segments = Segments::of(file);
    let count = segments.by_ref().filter(|(marker, _)| *marker == START_OF_SCAN).take(enough.saturating_add(1)).count();
    Scans { count, has_end: segments.has_ended() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: &[u8] = b"\xff\xda\0\x04\x01\x02data\xff\0\xff\xd0more\xff\xff\0";

    fn file(rest: &[&[u8]]) -> Vec<u8> {
        [b"\xff\xd8\xff\xe0\0\x04ab", rest.concat().as_slice()].concat()
    }

    #[test]
    fn what_lies_behind_the_picture_is_not_its_own() {
        let whole = file(&[SCAN, b"\xff\xc4\0\x03x", SCAN, b"\xff\xd9", SCAN, SCAN]);
        let found = scans(&whole, 10);
        assert!(found.count == 2 && found.has_end);
        assert_eq!(scans(&whole, 1).count, 2);
        assert_eq!(scans(&whole, 0).count, 1);
        let kinds: Vec<u8> = Segments::of(&whole).map(|(marker, _)| marker).collect();
        assert_eq!(kinds, [0xe0, START_OF_SCAN, 0xc4, START_OF_SCAN]);
        assert_eq!(segments(&whole).collect::<Vec<_>>(), [(0xe0, &b"ab"[..])]);
    }

    #[test]
    fn an_end_inside_a_segment_is_none() {
        let thumbnail = file(&[b"\xff\xe1\0\x06\xff\xd9\xff\xda", SCAN]);
        let found = scans(&thumbnail, 10);
        assert!(found.count == 1 && !found.has_end);
    }

    #[test]
    fn a_file_may_end_anywhere() {
        let whole = file(&[SCAN, b"\xff\xd9"]);
        for end in 0..whole.len() {
            assert!(!scans(&whole[..end], 10).has_end, "{end}");
        }
    }
}
