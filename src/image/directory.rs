//! The first directory of a TIFF file; Exif data has the same form.
//!
//! Pointers to other directories are not followed. These may overlap, so that a small file would hold millions of entries.

/// The numbers of a TIFF 6.0 or `BigTIFF` file, in its byte order.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    file: &'a [u8],
    is_little: bool,
    is_big_tiff: bool,
}

/// One entry of a directory.
pub(super) struct Entry {
    pub(super) tag: u16,
    /// The type of its values (TIFF 6.0, section 2).
    pub(super) kind: u16,
    /// The number of values, not of bytes.
    pub(super) count: u64,
    /// The place in the file of its value, or of the offset to its values.
    pub(super) value: usize,
}

/// The number behind the byte order (TIFF 6.0, section 2), and the same with its bytes in the wrong order.
const TIFF: [u64; 2] = [42, 42 << 8];

/// The number behind the byte order of a `BigTIFF` file.
const BIG_TIFF: u64 = 43;

impl<'a> Numbers<'a> {
    /// The numbers of a file that begins with a byte order and the number of TIFF. As in Pillow, the two bytes of that number
    /// may be swapped: the byte order holds for everything else.
    pub(super) fn of(file: &'a [u8]) -> Option<Self> {
        let numbers = Self { file, is_little: file.starts_with(b"II"), is_big_tiff: false };
        match numbers.read(2, 2)? {
            number if TIFF.contains(&number) => Some(numbers),
            BIG_TIFF => Some(Self { is_big_tiff: true, ..numbers }),
            _ => None,
        }
    }

    /// Whether the least significant byte of a number comes first.
    pub(super) fn is_little(self) -> bool {
        self.is_little
    }

    /// The place of the values of `entry`, whose length is `length` bytes each: inside the entry if all fit there (TIFF 6.0,
    /// section 2). `None` if they are not wholly inside the file.
    pub(super) fn place(self, entry: &Entry, length: usize) -> Option<usize> {
        let field = self.field();
        let bytes = usize::try_from(entry.count).ok()?.checked_mul(length)?;
        let at = if bytes <= field { entry.value } else { usize::try_from(self.read(entry.value, field)?).ok()? };
        (at.checked_add(bytes)? <= self.file.len()).then_some(at)
    }

    /// The bytes of the file from `at` on.
    pub(super) fn bytes(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.file.get(at..at.checked_add(length)?)
    }

    /// The number of `length` bytes, up to eight, at the offset `at`.
    pub(super) fn read(self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.file.get(at..at.checked_add(length)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    /// The bytes of an entry's last field: its values if they fit there, or their offset.
    pub(super) fn field(self) -> usize {
        if self.is_big_tiff { 8 } else { 4 }
    }

    /// The entries of the first directory (TIFF 6.0, section 2). `BigTIFF` has longer numbers.
    pub(super) fn first_directory(self) -> Option<impl Iterator<Item = Entry>> {
        let (header, counts, number, entry) = if self.is_big_tiff { (8, 8, 8, 20) } else { (4, 2, 4, 12) };
        let directory = usize::try_from(self.read(header, number)?).ok()?;
        let entries = u16::try_from(self.read(directory, counts)?).map(usize::from).ok()?;
        let first = directory.checked_add(counts)?;
        Some((0..entries).map_while(move |index| {
            let at = first.checked_add(index.checked_mul(entry)?)?;
            let short = |at| self.read(at, 2).and_then(|number| u16::try_from(number).ok());
            let (tag, kind) = (short(at)?, short(at + 2)?);
            Some(Entry { tag, kind, count: self.read(at + 4, number)?, value: at + 4 + number })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory at 16 with one entry: three values of two bytes at 2.
    fn big_tiff() -> Vec<u8> {
        let header = [b"II+\0\x08\0\0\0".as_slice(), &16_u64.to_le_bytes()].concat();
        let entry = [&[0x12, 1, 3, 0][..], &3_u64.to_le_bytes(), &[1, 0, 2, 0, 3, 0, 0, 0]].concat();
        [header, 1_u64.to_le_bytes().to_vec(), entry, vec![0; 8]].concat()
    }

    #[test]
    fn entries_of_a_little_endian_big_tiff() {
        let file = big_tiff();
        let numbers = Numbers::of(&file).unwrap();
        let entries: Vec<Entry> = numbers.first_directory().unwrap().collect();
        let entry = &entries[0];
        assert_eq!((entries.len(), entry.tag, entry.kind, entry.count), (1, 0x0112, 3, 3));
        assert_eq!(numbers.place(entry, 2), Some(entry.value));
        assert_eq!(
            (0..3).map(|index| numbers.read(entry.value + 2 * index, 2)).collect::<Vec<_>>(),
            [1, 2, 3].map(Some)
        );
        // Eight bytes each do not fit into the entry, and lie behind the file's end.
        assert_eq!(numbers.place(entry, 8), None);
    }

    #[test]
    fn the_number_of_tiff_may_be_swapped() {
        for (file, is_little) in [(b"II*\0", true), (b"II\0*", true), (b"MM\0*", false), (b"MM*\0", false)] {
            assert_eq!(Numbers::of(file).map(Numbers::is_little), Some(is_little), "{}", file.escape_ascii());
        }
        assert!(Numbers::of(b"II+*").is_none() && Numbers::of(b"MM").is_none());
    }

    #[test]
    fn values_are_where_the_entry_says() {
        let file = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x04\0\0\0\x02";
        let numbers = Numbers::of(file).unwrap();
        let entry = numbers.first_directory().unwrap().next().unwrap();
        assert_eq!((numbers.place(&entry, 1), numbers.place(&entry, 2)), (Some(entry.value), Some(2)));
        assert_eq!(numbers.place(&Entry { count: u64::MAX, ..entry }, 2), None);
    }
}
