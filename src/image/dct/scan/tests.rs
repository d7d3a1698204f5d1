use proptest::prelude::*;

use super::*;
use crate::image::dct::tests::{Bits, Encoding, encode};

impl Chunk {
    /// A chunk that holds `blocks`.
    pub(in crate::image::dct) fn of(blocks: &[[i16; 64]]) -> Self {
        let mut chunk = Self::new();
        for (place, block) in chunk.0.chunks_exact_mut(STRIDE).zip(blocks) {
            place[..64].copy_from_slice(block);
        }
        chunk
    }
}

fn coding([dc, ac]: &[Encoding; 2]) -> Coding {
    let code = |encoding: &Encoding| Code::new(&encoding.counts, &encoding.symbols).unwrap();
    Coding::new(&code(dc), &code(ac)).unwrap()
}

/// Decodes `count` blocks, `most` a chunk, and checks that the data end behind them.
fn decode(coding: &Coding, data: &[u8], count: usize, most: usize) -> Result<Vec<[i16; 64]>, Doubt> {
    let (mut segment, mut chunk, mut blocks) = (Segment::new(data), Chunk::new(), Vec::new());
    while blocks.len() < count {
        let next = most.min(count - blocks.len());
        chunk.decode(&mut segment, &Order::new(next, &[coding]))?;
        blocks.extend((0..next).map(|index| *chunk.block(index)));
        chunk.clear(next);
    }
    segment.finish(0xd9)?;
    Ok(blocks)
}

/// Encodes, decodes and compares, with all lengths of chunks.
fn comes_back(encodings: &[Encoding; 2], blocks: &[[i16; 64]]) {
    let (coding, data) = (coding(encodings), encode(encodings, blocks));
    for most in [1, 2, 6, 23, BLOCKS] {
        let decoded = decode(&coding, &data, blocks.len(), most);
        assert!(decoded.as_deref() == Ok(blocks), "{most} blocks a chunk");
    }
    // One block more begins with the bits that fill up the last byte, if at all.
    assert!(decode(&coding, &data, blocks.len() + 1, BLOCKS).is_err());
}

fn block(coefficients: &[(usize, i16)]) -> [i16; 64] {
    let mut block = [0; 64];
    for (place, value) in coefficients {
        block[*place] = *value;
    }
    block
}

/// Codes of 16 bits for all but the end of a block.
fn long() -> [Encoding; 2] {
    let sizes = (0..16).flat_map(|run| (1..=10).map(move |size| run << 4 | size));
    let all: Vec<u8> = sizes.chain([0xf0]).collect();
    [Encoding::of(&[(15, &[0]), (16, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])]), Encoding::of(&[(2, &[0]), (16, &all)])]
}

#[test]
fn blocks_of_a_dc_coefficient_alone() {
    for encodings in [Encoding::standard(), long()] {
        let blocks: Vec<_> = (-60..60).map(|number| block(&[(0, number)])).collect();
        comes_back(&encodings, &blocks);
        comes_back(&encodings, &[[0; 64]; 100]);
        comes_back(&encodings, &[2047, -2047, 1, 1024, -1024, -1, 0].map(|value| block(&[(0, value)])));
    }
}

#[test]
fn the_last_coefficient_ends_its_block() {
    for encodings in [Encoding::standard(), long()] {
        let full = std::array::from_fn(|place| if place % 2 == 0 { 1 } else { -1 });
        let last = |value| block(&[(0, 5), (62, 1), (63, value)]);
        comes_back(&encodings, &[full, last(1), last(-1023), full, [0; 64], last(1023), full]);
        comes_back(&encodings, &[last(7); BLOCKS]);
        comes_back(&encodings, &[full; 2 * BLOCKS + 1]);
    }
}

#[test]
fn runs_of_sixteen_zeros_and_more() {
    for encodings in [Encoding::standard(), long()] {
        for place in 1..64 {
            comes_back(
                &encodings,
                &[block(&[(place, 1)]), block(&[(0, 3), (place, -200)]), block(&[(1, 9), (place, 6)])],
            );
        }
    }
}

#[test]
fn values_of_every_length() {
    for encodings in [Encoding::standard(), long()] {
        for size in 1..=10 {
            let values = [1 << (size - 1), (1 << size) - 1, -(1 << (size - 1)), 1 - (1 << size)];
            let blocks = values.map(|value| block(&[(0, value), (1, value), (2, value), (9, -value), (63, value)]));
            comes_back(&encodings, &blocks);
            comes_back(&encodings, &values.map(|value| [value; 64]));
        }
    }
}

/// Appends a block whose AC symbols these are, with values of ones.
fn symbols(encodings: &[Encoding; 2], symbols: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.symbol(&encodings[0], 0);
    for symbol in symbols {
        bits.symbol(&encodings[1], *symbol);
        bits.put(u32::MAX, u32::from(symbol & 15));
    }
    [bits.stuffed(), vec![0xff, 0xd9]].concat()
}

#[test]
fn coefficients_behind_the_last_are_refused() {
    let encodings = Encoding::standard();
    let coding = coding(&encodings);
    let ones = |count: usize| vec![0x01; count];
    let decoded = |list: &[u8]| decode(&coding, &symbols(&encodings, list), 1, 1);
    // libjpeg takes sixteen zeros up to the last place for an end of the block.
    assert_eq!(
        decoded(&[ones(47), vec![0xf0]].concat()),
        Ok(vec![std::array::from_fn(|k| i16::from((1..48).contains(&k)))])
    );
    for list in [
        [ones(48), vec![0xf0]].concat(),
        [ones(62), vec![0x11]].concat(),
        [ones(62), vec![0xf0]].concat(),
        [ones(60), vec![0x31]].concat(),
        vec![0xf0, 0xf0, 0xf0, 0xf1],
        vec![0xf0, 0xf0, 0xf0, 0xf0],
        [ones(61), vec![0x15]].concat(),
        [ones(62), vec![0x1a]].concat(),
        [ones(20), vec![0xf0, 0xf0, 0xba]].concat(),
    ] {
        let is_last = list.iter().map(|symbol| usize::from(symbol >> 4) + 1).sum::<usize>() == 63;
        assert_eq!(decoded(&list).is_ok(), is_last, "{list:x?}");
    }
}

#[test]
fn bits_that_are_no_code_and_bits_that_are_missing_are_refused() {
    let encodings = Encoding::standard();
    let coding = coding(&encodings);
    // The code of ones only.
    assert!(decode(&coding, b"\xff\0\xff\0\xff\0\xff\xd9", 1, 1).is_err());
    let mut bits = Bits::default();
    bits.symbol(&encodings[0], 3);
    bits.put(0b101, 3);
    bits.put(0xffff, 16);
    assert!(decode(&coding, &[bits.stuffed(), vec![0xff, 0xd9]].concat(), 1, 1).is_err());
    let blocks: Vec<_> = (0..40_u8)
        .map(|number| block(&[(0, number.into()), (usize::from(number) + 1, 900 - i16::from(number))]))
        .collect();
    let data = encode(&encodings, &blocks);
    for length in 0..data.len() - 2 {
        let cut = [&data[..length], &[0xff, 0xd9]].concat();
        assert!(decode(&coding, &cut, blocks.len(), BLOCKS).is_err(), "cut at {length}");
    }
}

/// Blocks of few or many coefficients, most of them small.
fn blocks() -> impl Strategy<Value = Vec<[i16; 64]>> {
    let value = prop_oneof![4 => -2..=2_i16, 2 => -40..=40_i16, 1 => -1023..=1023_i16];
    let few =
        proptest::collection::vec((0..64_usize, value.clone()), 0..12).prop_map(|coefficients| block(&coefficients));
    let many = proptest::collection::vec(value, 64).prop_map(|values| values.try_into().unwrap());
    proptest::collection::vec(prop_oneof![3 => few, 1 => many], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_blocks_come_back(blocks in blocks(), is_long in any::<bool>()) {
        let encodings = if is_long { long() } else { Encoding::standard() };
        comes_back(&encodings, &blocks);
    }
}
