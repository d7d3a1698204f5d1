use super::*;
use crate::image::dct::tests::Encoding;

fn code(encoding: &Encoding) -> Result<Code, Doubt> {
    Code::new(&encoding.counts, &encoding.symbols)
}

/// The standard codes, a code of one bit beside others of 16, and short codes of long values.
fn pairs() -> Vec<[Encoding; 2]> {
    let [dc, ac] = Encoding::standard();
    let odd_dc = Encoding::of(&[(1, &[0]), (2, &[1]), (15, &[11]), (16, &[2, 3])]);
    let odd_ac = Encoding::of(&[(1, &[0x01]), (3, &[0x00, 0xf0]), (11, &[0x11, 0x0a]), (12, &[0xf6]), (16, &[0xfa])]);
    let sparse = Encoding::of(&[(1, &[0x00])]);
    // Two of them, with a value that an entry has no room for, are shorter than an index.
    let short = Encoding::of(&[(1, &[0x01]), (2, &[0x77]), (4, &[0x00, 0x08])]);
    vec![
        [dc.clone(), ac.clone()],
        [odd_dc.clone(), odd_ac.clone()],
        [dc.clone(), odd_ac],
        [odd_dc.clone(), sparse],
        [odd_dc, short.clone()],
        [dc.clone(), short],
        [Encoding::of(&[]), ac],
    ]
}

/// The symbol with which `bits` begin, found by trying all: its code's length, and itself.
fn walked(encoding: &Encoding, bits: u64) -> Option<(u32, u8)> {
    encoding.symbols.iter().find_map(|symbol| {
        let (code, length) = encoding.code(*symbol);
        (bits >> (64 - length) == u64::from(code)).then_some((length, *symbol))
    })
}

/// The value of `size` bits by T.81's table F.1: a positive number as it is, a negative one from below.
fn extended(bits: u64, size: u32) -> i16 {
    let value = if size == 0 { 0 } else { i32::try_from(bits >> (64 - size)).unwrap() };
    let is_negative = size > 0 && value < 1 << (size - 1);
    i16::try_from(if is_negative { value - (1 << size) + 1 } else { value }).unwrap()
}

#[test]
fn symbols_are_found_by_their_codes() {
    for encoding in pairs().into_iter().flatten() {
        let code = code(&encoding).unwrap();
        for bits in (0..1_u64 << 16).map(|bits| bits << 48) {
            let found = code.symbol(bits).map(|symbol| (symbol.length.into(), symbol.run << 4 | symbol.size));
            assert_eq!(found, walked(&encoding, bits), "{bits:#x}");
        }
    }
}

/// Coefficients with their steps, the bits taken, and whether the block ends.
type Walk = (Vec<(usize, i16)>, u32, bool);

/// What a walk takes from `bits`, all of which but the first [`INDEX_BITS`] are unknown: steps and values of one or two
/// coefficients, the bits, and whether the block ends.
fn expected(first: &Encoding, ac: &Encoding, bits: u64, is_dc: bool) -> Option<Walk> {
    let (length, symbol) = walked(first, bits).filter(|(length, _)| *length <= INDEX_BITS)?;
    if !is_dc && symbol == 0 {
        return Some((Vec::new(), length, true));
    }
    let size = u32::from(symbol & 15);
    if length + size > INDEX_BITS || size > 6 {
        return None;
    }
    let step = if is_dc { 0 } else { usize::from(symbol >> 4) + 1 };
    let mut coefficients = vec![(step, extended(bits << length, size))];
    let taken = length + size;
    let Some((length, symbol)) = walked(ac, bits << taken) else { return Some((coefficients, taken, false)) };
    let size = u32::from(symbol & 15);
    if taken + length + size > INDEX_BITS || size > 6 {
        return Some((coefficients, taken, false));
    }
    if symbol != 0 {
        let value = extended(bits << (taken + length), size);
        coefficients.push((step + usize::from(symbol >> 4) + 1, value));
    }
    Some((coefficients, taken + length + size, symbol == 0))
}

fn check(table: &Table, first: &Encoding, ac: &Encoding, is_dc: bool) {
    for (index, entry) in (0_u64..).zip(table) {
        let bits = index << (64 - INDEX_BITS);
        let Some((coefficients, taken, is_end)) = expected(first, ac, bits, is_dc) else {
            assert!(entry.second_step() >= 63, "{index:#x}");
            let known = walked(first, bits).filter(|(length, _)| *length <= INDEX_BITS);
            assert_eq!(entry.has_long_value(), known.is_some(), "{index:#x}");
            if let Some((length, symbol)) = known {
                let step = if is_dc { 0 } else { usize::from(symbol >> 4) + 1 };
                let found = (entry.taken(), entry.size(), entry.first_step());
                assert_eq!(found, (length + u32::from(symbol & 15), u32::from(symbol & 15), step), "{index:#x}");
            }
            continue;
        };
        assert_eq!((entry.taken(), entry.is_end()), (taken, is_end), "{index:#x}");
        // What it writes, in this order, where zeros are already.
        let mut written = [0; 64];
        written[entry.first_step()] = entry.first_value();
        written[entry.second_step()] = entry.second_value();
        let mut wanted = [0; 64];
        for (place, value) in &coefficients {
            wanted[*place] = *value;
        }
        assert_eq!(written, wanted, "{index:#x}");
        if !is_end {
            assert_eq!(entry.second_step(), coefficients.last().unwrap().0, "{index:#x}");
        }
    }
}

#[test]
fn every_entry_is_what_a_walk_finds() {
    for [dc, ac] in pairs() {
        let (dc_code, ac_code) = (code(&dc).unwrap(), code(&ac).unwrap());
        let [dc_table, ac_table] = tables(&dc_code, &ac_code);
        check(&dc_table, &dc, &ac, true);
        check(&ac_table, &ac, &ac, false);
    }
}

#[test]
fn codes_that_libjpeg_refuses_are_refused() {
    for (why, encoding) in [
        ("one of ones only", Encoding::of(&[(1, &[1, 2])])),
        ("more than fit", Encoding::of(&[(1, &[1, 2, 3])])),
        ("more than the shorter ones leave", Encoding::of(&[(1, &[1]), (2, &[2]), (3, &[3, 4])])),
        ("one of five ones", Encoding::of(&[(1, &[1]), (2, &[2]), (3, &[3]), (5, &[4, 5, 6, 7])])),
        ("one of 16 ones", Encoding::of(&[(1, &[1]), (9, &[2; 255]), (16, &[3; 128])])),
    ] {
        assert!(code(&encoding).is_err(), "{why}");
    }
    let mut counts = [0; 16];
    (counts[7], counts[15]) = (254, 255);
    assert!(Code::new(&counts, &[1; 509]).is_err(), "more symbols than libjpeg takes");
    counts[7] = 1;
    assert!(Code::new(&counts, &[1; 256]).is_ok());
    assert!(code(&Encoding::of(&[(16, &[0])])).is_ok());
}

#[test]
fn symbols_that_no_coefficient_has_are_refused() {
    let check =
        |symbol: u8, check: fn(&Code) -> Result<(), Doubt>| check(&code(&Encoding::of(&[(2, &[symbol])])).unwrap());
    for symbol in 0..=255 {
        assert_eq!(check(symbol, Code::check_dc).is_ok(), symbol <= 11, "{symbol:#x}");
        let is_known = matches!(symbol, 0x00 | 0xf0) || matches!(symbol & 15, 1..=10);
        assert_eq!(check(symbol, Code::check_ac).is_ok(), is_known, "{symbol:#x}");
    }
}

#[test]
fn values_are_extended() {
    for size in 0..=15 {
        for bits in 0..1_u64 << size {
            // What follows is no part of it.
            for behind in [0, u64::MAX] {
                let bits = if size == 0 { behind } else { bits << (64 - size) | behind.checked_shr(size).unwrap_or(0) };
                assert_eq!(value(bits, size), extended(bits, size), "{bits:#x} of {size}");
            }
        }
    }
}
