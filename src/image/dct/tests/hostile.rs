//! Damaged files: no panic, and nothing is accepted that a plain decoder refuses or reads otherwise.

use super::super::{coefficients, plain};
use super::{Kind, Subsampling, drawn};

/// Files of every kind, of one to three chunks: the smaller, the more mutants in the same time.
fn files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for (index, subsampling) in Subsampling::ALL.into_iter().enumerate() {
        for (quality, restarts, is_optimised) in [(60, 0, false), (85, 3, false), (98, 0, true)] {
            let (width, height) =
                if subsampling == Subsampling::Gray { (60, 35) } else { (41 - index * 3, 30 - index) };
            let kind = Kind { subsampling, quality, restarts, is_optimised };
            files.push(kind.encode(&drawn(width, height), width));
        }
    }
    files
}

#[test]
fn whole_files_have_the_plain_decoders_coefficients() {
    for (index, file) in files().iter().enumerate() {
        let plain = plain::decode(file);
        assert!(plain.is_some(), "file {index}");
        assert!(plain == coefficients(file), "file {index}");
    }
}

/// Changes up to three places, mostly in the compressed data, or cuts, drops or inserts some bytes.
fn damage(file: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let scan = file.windows(2).position(|bytes| bytes == [0xff, 0xda]).unwrap() + 2;
    for _ in 0..random.usize(1..4) {
        if scan >= file.len() {
            return;
        }
        let at = if random.u8(..) < 200 { random.usize(scan..file.len()) } else { random.usize(..file.len()) };
        match random.u8(..16) {
            0 => file.truncate(at.max(scan + 1)),
            1 => drop(file.drain(at..(at + random.usize(..9)).min(file.len()))),
            2 => file.insert(at, random.u8(..)),
            3 => file[at] = [0, 0xff, 0xd9, 0xd0, 0x3f, 0x80][random.usize(..6)],
            4..8 => file[at] ^= 1 << random.u32(..8),
            _ => file[at] = random.u8(..),
        }
    }
}

/// With `MUTANTS` in the environment, as many mutants of other seeds. Each has its own, so that one can be made again.
#[test]
fn damaged_files_are_refused_or_have_the_plain_decoders_coefficients() {
    let files = files();
    let asked = std::env::var("MUTANTS").ok().map(|count| count.parse().unwrap());
    let (count, seed) = (asked.unwrap_or(2500), asked.map_or(16, |_| fastrand::u64(..)));
    let mut accepted = 0;
    for number in 0..count {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
        let mut file = files[number % files.len()].clone();
        damage(&mut file, &mut random);
        // Half of them end where their last block does, as most others are refused only for that.
        if random.bool()
            && let Some(length) = plain::length(&file)
        {
            file.truncate(length);
            file.extend([0xff, 0xd9]);
        }
        if let Some(found) = coefficients(&file) {
            assert!(plain::decode(&file) == Some(found), "mutant {number}, whose seed is {seed} and its number");
            accepted += 1;
        }
    }
    assert!(accepted > count / 7, "only {accepted} of {count} mutants are accepted");
}
