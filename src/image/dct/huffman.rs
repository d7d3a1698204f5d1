//! Huffman codes, and the tables that decode up to two coefficients at once.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a shift leaves the few bits that are converted"
)]

use super::Doubt;

/// Bits that a table is indexed with. With more, the tables of a photograph leave the first-level cache.
pub(super) const INDEX_BITS: u32 = 11;

/// Entries of a table.
pub(super) const ENTRIES: usize = 1 << INDEX_BITS;

/// The longest value of an AC and of a DC coefficient, in bits (T.81, F.1.2).
const LONGEST_AC: u8 = 10;
const LONGEST_DC: u8 = 11;

/// The longest value that an entry holds.
const LONGEST_HELD: u8 = 6;

/// A canonical code (T.81, annex C).
#[derive(Clone)]
pub(super) struct Code {
    /// The first code of each length, left-aligned in 16 bits; then the end of the last.
    limits: [u32; 17],
    /// The index of the first symbol of each length.
    firsts: [usize; 17],
    symbols: Vec<u8>,
}

/// A decoded symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    /// Bits of its code.
    pub(super) length: u8,
    /// Zeros before the coefficient.
    pub(super) run: u8,
    /// Bits of the value behind the code.
    pub(super) size: u8,
}

impl Code {
    /// The code with `counts` symbols of each length.
    ///
    /// # Errors
    /// [`Doubt`] where libjpeg refuses it (`jpeg_make_d_derived_tbl`): a length has more codes than fit, or one of ones only.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Doubt> {
        let (mut limits, mut firsts) = ([0; 17], [0; 17]);
        let (mut next, mut first) = (0_u32, 0);
        for (index, count) in counts.iter().enumerate() {
            let length = u32::try_from(index + 1).map_err(|_| Doubt)?;
            next <<= 1;
            (limits[index], firsts[index]) = (next << (16 - length), first);
            next += u32::from(*count);
            first += usize::from(*count);
            if *count > 0 && next >= 1 << length {
                return Err(Doubt);
            }
        }
        limits[16] = next;
        if symbols.len() > 256 {
            return Err(Doubt);
        }
        Ok(Self { limits, firsts, symbols: symbols.to_vec() })
    }

    /// The symbol with which `bits` begin; only the highest 16 are read.
    pub(super) fn symbol(&self, bits: u64) -> Option<Symbol> {
        let code = u32::try_from(bits >> 48).ok()?;
        // The codes of a length end where those of the next begin.
        let length = (1..=16_u32).find(|length| code < self.limits[*length as usize])?;
        let index = length as usize - 1;
        let offset = (code - self.limits[index]) >> (16 - length);
        let symbol = *self.symbols.get(self.firsts[index] + offset as usize)?;
        Some(Symbol { length: length as u8, run: symbol >> 4, size: symbol & 15 })
    }

    /// For each value of [`INDEX_BITS`] bits, the symbol with which they begin, if its code is no longer.
    fn lookup(&self) -> [Option<Symbol>; ENTRIES] {
        let mut lookup = [None; ENTRIES];
        for length in 1..=INDEX_BITS {
            let index = length as usize - 1;
            let place = |limit: u32| (limit >> (16 - INDEX_BITS)) as usize;
            let places = place(self.limits[index])..place(self.limits[index + 1]);
            let symbols = self.symbols.get(self.firsts[index]..).unwrap_or_default();
            for (places, symbol) in lookup[places].chunks_exact_mut(1 << (INDEX_BITS - length)).zip(symbols) {
                places.fill(Some(Symbol { length: length as u8, run: symbol >> 4, size: symbol & 15 }));
            }
        }
        lookup
    }

    /// Refuses symbols that no DC coefficient has.
    pub(super) fn check_dc(&self) -> Result<(), Doubt> {
        if self.symbols.iter().all(|symbol| *symbol <= LONGEST_DC) { Ok(()) } else { Err(Doubt) }
    }

    /// Refuses symbols that no AC coefficient of 8-bit samples has. Without a value are only the end of a block and sixteen zeros.
    pub(super) fn check_ac(&self) -> Result<(), Doubt> {
        let is_known = |symbol: &u8| match symbol & 15 {
            0 => matches!(symbol, 0x00 | 0xf0),
            size => size <= LONGEST_AC,
        };
        if self.symbols.iter().all(is_known) { Ok(()) } else { Err(Doubt) }
    }
}

impl Symbol {
    /// Whether it ends its block, as an AC symbol.
    pub(super) fn is_end(self) -> bool {
        (self.run, self.size) == (0, 0)
    }

    /// Bits of code and value.
    pub(super) fn total(self) -> u32 {
        u32::from(self.length) + u32::from(self.size)
    }

    /// The value of the `size` bits behind the code (T.81, F.2.2.1: `EXTEND`).
    pub(super) fn value(self, bits: u64) -> i16 {
        value(bits << self.length, self.size.into())
    }
}

/// The value in the highest `size` bits, at most 15: those that begin with a zero are negative.
#[inline]
pub(super) fn value(bits: u64, size: u32) -> i16 {
    // Shifted twice, as a shift by 64 is none.
    let value = (bits >> 1 >> (63 - size)) as i32;
    let is_negative = ((!bits) >> 63) as i32;
    (value + (is_negative * (1 - (1 << size)))) as i16
}

/// What a table says of the bits that index it. From the lowest bit: 6 bits for the bits taken; 6 for the step to the second
/// coefficient; 5 for that to the first; 1 for the end of the block; 7 for the second value, and 7 for the first.
///
/// One coefficient is written twice, with a second step of 0. An end writes a zero where the next coefficient would be, which
/// is zero already.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry(pub(super) u32);

impl Entry {
    /// The step to the second coefficient of an entry that holds none, because its code or its value is too long: it leads out of
    /// every block. Where the code is known, the step to the first is that to the coefficient, and the first value is the size
    /// of its value.
    const RARE: u32 = 63;
    /// The block ends.
    const END: u32 = 1 << 17;

    fn new(taken: u32, steps: [u8; 2], values: [i16; 2], flags: u32) -> Self {
        #[expect(clippy::cast_sign_loss, reason = "the bits of a signed number")]
        let seven = |value: i16| (i32::from(value) as u32) & 0x7f;
        let steps = u32::from(steps[0] + steps[1]) << 6 | u32::from(steps[0]) << 12;
        Self(taken | steps | seven(values[1]) << 18 | seven(values[0]) << 25 | flags)
    }

    #[inline]
    pub(super) fn taken(self) -> u32 {
        self.0 & 63
    }

    #[inline]
    pub(super) fn first_step(self) -> usize {
        (self.0 >> 12 & 31) as usize
    }

    #[inline]
    pub(super) fn second_step(self) -> usize {
        (self.0 >> 6 & 63) as usize
    }

    #[inline]
    pub(super) fn first_value(self) -> i16 {
        (self.0 as i32 >> 25) as i16
    }

    #[inline]
    pub(super) fn second_value(self) -> i16 {
        ((self.0 << 7) as i32 >> 25) as i16
    }

    /// Bits of the long value of a rare entry.
    #[inline]
    pub(super) fn size(self) -> u32 {
        self.0 >> 25
    }

    /// Whether it holds the code of a coefficient, but not its value.
    #[inline]
    pub(super) fn has_long_value(self) -> bool {
        self.0 >> 6 & 63 == Self::RARE && self.size() > 0
    }

    #[inline]
    pub(super) fn is_end(self) -> bool {
        self.0 & Self::END != 0
    }
}

/// What to do for each value of the next [`INDEX_BITS`] bits.
pub(super) type Table = [Entry; ENTRIES];

/// The table for the beginning of a block, that is the DC difference, and the first AC coefficient if it fits; and the table for
/// the coefficients behind the first.
pub(super) fn tables(dc: &Code, ac: &Code) -> [Box<Table>; 2] {
    let ac = ac.lookup();
    [table(&dc.lookup(), &ac, |_| 0, |_| false), table(&ac, &ac, |symbol| symbol.run + 1, Symbol::is_end)]
}

fn table(
    first: &[Option<Symbol>],
    ac: &[Option<Symbol>],
    step: impl Fn(Symbol) -> u8,
    is_end: impl Fn(Symbol) -> bool,
) -> Box<Table> {
    let mut table = Box::new([Entry(Entry::RARE << 6); ENTRIES]);
    for (index, (entry, symbol)) in table.iter_mut().zip(first).enumerate() {
        let Some(symbol) = *symbol else { continue };
        let bits = (index as u64) << (64 - INDEX_BITS);
        *entry = if is_end(symbol) {
            Entry::new(symbol.length.into(), [1, 0], [0, 0], Entry::END)
        } else if symbol.total() > INDEX_BITS || symbol.size > LONGEST_HELD {
            let size = u32::from(symbol.size) << 25;
            Entry(symbol.total() | Entry::RARE << 6 | u32::from(step(symbol)) << 12 | size)
        } else {
            let (taken, step, value) = (symbol.total(), step(symbol), symbol.value(bits));
            let is_held = |next: &Symbol| next.total() + taken <= INDEX_BITS && next.size <= LONGEST_HELD;
            match ac[(index << taken) % ENTRIES].filter(is_held) {
                Some(next) if next.is_end() => Entry::new(taken + next.total(), [step, 1], [value, 0], Entry::END),
                Some(next) => {
                    let second = next.value(bits << taken);
                    Entry::new(taken + next.total(), [step, next.run + 1], [value, second], 0)
                }
                None => Entry::new(taken, [step, 0], [value, value], 0),
            }
        };
    }
    table
}

#[cfg(test)]
mod tests;
