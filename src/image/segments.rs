//! The segments of a JPEG file.

/// The marker with which a scan begins. It does not occur inside a scan's compressed data.
pub(super) const START_OF_SCAN: [u8; 2] = [0xff, 0xda];

/// The segments before the first scan, each with its marker's second byte and its data (ITU-T T.81, B.1.1.4). Stray bytes
/// are skipped.
pub(super) fn segments(file: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        while let Some([first, second]) = file.get(at..at + 2) {
            if [*first, *second] == START_OF_SCAN {
                return None;
            }
            let has_length = *first == 0xff && matches!(second, 0xc0..=0xfe) && !matches!(second, 0xd0..=0xd9);
            let length = file.get(at + 2..at + 4).filter(|_| has_length);
            let Some(length) = length.map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])).max(2))
            else {
                at += 1;
                continue;
            };
            let (begin, end) = (at + 4, at + 2 + length);
            at = end;
            return Some((*second, file.get(begin..end).unwrap_or_default()));
        }
        None
    })
}
