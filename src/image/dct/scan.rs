//! The entropy decoder: from bits to the quantised coefficients of a chunk of blocks.
//!
//! A step looks up the next bits in a table that holds up to two coefficients with their values. The end of a block is no
//! branch: it selects the next block and its table. What remains are branches that are seldom taken: a code or value too long for the
//! table, and the last coefficient of a block.

#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use std::hint::select_unpredictable;

use super::Doubt;
use super::huffman::{self, Code, ENTRIES, Entry, INDEX_BITS, Table, value};
use super::segment::{Reader, Segment};

/// Blocks of a chunk, at most. Its coefficients stay in the first-level cache.
pub(super) const BLOCKS: usize = 24;

/// Coefficients from block to block. A step may write up to 32 places behind the last coefficient of a block; the checks come
/// after it.
pub(super) const STRIDE: usize = 128;

/// Blocks that there is room for: a step may begin the one behind a chunk.
const ROOM: usize = 32;

/// Lookups that the bits of one [`Reader::fill`] suffice for.
const STEPS: usize = 4;

/// Coefficients are a power of two, so that a mask keeps every index in them.
const MASK: usize = ROOM * STRIDE - 1;

/// The coefficients of a chunk, in the order of the file.
pub(super) struct Chunk(Box<[i16; ROOM * STRIDE]>);

/// How a component's blocks are coded.
pub(super) struct Coding {
    dc: Code,
    ac: Code,
    dc_table: Box<Table>,
    ac_table: Box<Table>,
}

/// Takes no bits and decodes nothing: the steps of the last lookups behind a chunk.
static IDLE: Table = [Entry(0); ENTRIES];

impl Coding {
    pub(super) fn new(dc: &Code, ac: &Code) -> Result<Self, Doubt> {
        dc.check_dc()?;
        ac.check_ac()?;
        let [dc_table, ac_table] = huffman::tables(dc, ac);
        Ok(Self { dc: dc.clone(), ac: ac.clone(), dc_table, ac_table })
    }
}

impl Chunk {
    pub(super) fn new() -> Self {
        Self(vec![0; ROOM * STRIDE].try_into().expect("the length is the array's"))
    }

    /// The coefficients of a block.
    pub(super) fn block(&self, index: usize) -> &[i16; 64] {
        self.0[index * STRIDE..].first_chunk().expect("the index is below ROOM")
    }

    /// Makes the first `count` blocks zero again.
    pub(super) fn clear(&mut self, count: usize) {
        for block in self.0.chunks_exact_mut(STRIDE).take(count) {
            block[..64].fill(0);
        }
    }

    /// Decodes the blocks of `order` into blocks of zeros. The first coefficient of each is the difference to the one before.
    ///
    /// # Errors
    /// [`Doubt`], where the bits are no code, more than the segment has, or coefficients behind the last of a block.
    #[inline(always)]
    pub(super) fn decode(&mut self, segment: &mut Segment<'_>, order: &Order<'_>) -> Result<(), Doubt> {
        segment.provide();
        let (mut reader, tables) = (segment.reader, &order.tables);
        let mut place = Place { at: 0, table: order.first, rest: tables[0].0, next: tables[0].1 };
        while place.at < order.count * STRIDE {
            reader.fill(segment.window())?;
            let Some(entry) = place.steps(&mut reader, tables, &mut self.0) else { continue };
            if entry.has_long_value() {
                place.long_value(entry, &mut reader, tables, &mut self.0)?;
                continue;
            }
            // A copy, or the place would be kept in memory for the call's sake.
            let mut rare = (place, reader);
            rare.1.fill(segment.window())?;
            rare.0.step(&mut rare.1, order, &mut self.0)?;
            (place, reader) = rare;
        }
        segment.reader = reader;
        segment.check()
    }
}

/// For each block, the table for all but its beginning, and that for the beginning of the next one.
type Tables<'t> = [(&'t Table, &'t Table); ROOM];

/// How the blocks of a chunk are coded, one by one.
#[derive(Clone)]
pub(super) struct Order<'t> {
    count: usize,
    codings: [&'t Coding; BLOCKS],
    /// The table for the beginning of the first block.
    first: &'t Table,
    tables: Tables<'t>,
}

impl<'t> Order<'t> {
    /// `count` blocks, at most [`BLOCKS`], which have these codings in turn. There is at least one of both.
    pub(super) fn new(count: usize, codings: &[&'t Coding]) -> Self {
        let codings = std::array::from_fn(|index| codings[index % codings.len()]);
        let mut order = Self { count, codings, first: &codings[0].dc_table, tables: [(&IDLE, &IDLE); ROOM] };
        for index in 0..count {
            let next = if index + 1 < count { &*codings[index + 1].dc_table } else { &IDLE };
            order.tables[index] = (&codings[index].ac_table, next);
        }
        order
    }
}

/// How far a chunk is decoded.
#[derive(Clone, Copy)]
struct Place<'t> {
    /// The place of the last coefficient so far in the chunk.
    at: usize,
    /// The table for the next bits.
    table: &'t Table,
    /// That for the rest of the block, and that for the beginning of the next one.
    rest: &'t Table,
    next: &'t Table,
}

impl<'t> Place<'t> {
    /// Looks up the next bits [`STEPS`] times. Returns the entry that must be looked at, of which nothing has been taken; the
    /// bits before it have been.
    #[inline(always)]
    fn steps(
        &mut self,
        reader: &mut Reader,
        tables: &Tables<'t>,
        coefficients: &mut [i16; ROOM * STRIDE],
    ) -> Option<Entry> {
        let Self { at, table, rest, next } = self;
        // The low six bits of the sum of the entries are the sum of the bits taken.
        let mut taken = 0_u32;
        for _ in 0..STEPS {
            let entry = table[(reader.bits >> (64 - INDEX_BITS)) as usize];
            let (first, second) = (*at + entry.first_step(), *at + entry.second_step());
            // From 63 to 126 in its block.
            if (second + 1) & 64 != 0 {
                reader.left -= taken & 63;
                return Some(entry);
            }
            coefficients[first & MASK] = entry.first_value();
            coefficients[second & MASK] = entry.second_value();
            reader.bits <<= entry.0 & 63;
            taken = taken.wrapping_add(entry.0);
            let is_end = entry.is_end();
            *table = select_unpredictable(is_end, *next, *rest);
            *at = select_unpredictable(is_end, next_block(second), second);
            // Read ahead, so that the next lookup waits only for the selection.
            (*rest, *next) = tables[*at / STRIDE % ROOM];
        }
        reader.left -= taken & 63;
        None
    }

    /// Takes a coefficient whose code is in the table, and whose value is not. After the steps of one [`Reader::fill`], the bits
    /// suffice for it.
    #[inline(always)]
    fn long_value(
        &mut self,
        entry: Entry,
        reader: &mut Reader,
        tables: &Tables<'t>,
        coefficients: &mut [i16; ROOM * STRIDE],
    ) -> Result<(), Doubt> {
        let (taken, size) = (entry.taken(), entry.size());
        let value = value(reader.bits << ((taken - size) & 63), size);
        reader.take(taken);
        self.put(entry.first_step(), value, tables, coefficients)
    }

    /// Decodes one symbol, by its code instead of the table.
    #[cold]
    #[inline(never)]
    fn step(
        &mut self,
        reader: &mut Reader,
        order: &Order<'t>,
        coefficients: &mut [i16; ROOM * STRIDE],
    ) -> Result<(), Doubt> {
        let (coding, tables) = (order.codings.get(self.at / STRIDE).ok_or(Doubt)?, &order.tables);
        let is_dc = !std::ptr::eq(self.table, self.rest);
        let code = if is_dc { &coding.dc } else { &coding.ac };
        let symbol = code.symbol(reader.bits).ok_or(Doubt)?;
        let value = symbol.value(reader.bits);
        reader.take(symbol.total());
        if is_dc {
            self.put(0, value, tables, coefficients)
        } else if symbol.is_end() {
            self.end_block(tables);
            Ok(())
        } else {
            self.put(usize::from(symbol.run) + 1, value, tables, coefficients)
        }
    }

    /// Writes the coefficient that is `step` places behind the last. That at place 63 ends the block.
    #[inline(always)]
    fn put(
        &mut self,
        step: usize,
        value: i16,
        tables: &Tables<'t>,
        coefficients: &mut [i16; ROOM * STRIDE],
    ) -> Result<(), Doubt> {
        let place = self.at % STRIDE + step;
        if place > 63 {
            return Err(Doubt);
        }
        self.at += step;
        coefficients[self.at & MASK] = value;
        if place == 63 {
            self.end_block(tables);
        } else {
            self.table = self.rest;
        }
        Ok(())
    }

    fn end_block(&mut self, tables: &Tables<'t>) {
        (self.at, self.table) = (next_block(self.at), self.next);
        (self.rest, self.next) = tables[self.at / STRIDE % ROOM];
    }
}

/// The place with which the block behind that of `place` begins.
#[inline(always)]
fn next_block(place: usize) -> usize {
    (place | (STRIDE - 1)) + 1
}

#[cfg(test)]
mod tests;
