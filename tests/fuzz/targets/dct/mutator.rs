//! Changes JPEG files so that most still have a valid head, and compressed data up to their end: what libFuzzer changes
//! blindly is refused at once.

use std::ops::Range;

use glimpse::image::plain;
use libfuzzer_sys::fuzzer_mutate;

/// Bytes that are put behind changed data, in case that it has become too short.
const MORE: usize = 96;

const SAMPLINGS: [u8; 6] = [0x11, 0x21, 0x12, 0x22, 0x41, 0x11];

/// Numbers that `seed` determines (G. Marsaglia, "Xorshift RNGs", 2003).
struct Random(u32);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end.max(1)
    }
}

/// The segments of the head, each with its marker and the range of its content, and the beginning of the compressed data.
fn segments(file: &[u8]) -> Option<(Vec<(u8, Range<usize>)>, usize)> {
    let (mut segments, mut at) = (Vec::new(), 2);
    loop {
        let [0xff, marker, high, low] = *file.get(at..)?.first_chunk()? else { return None };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if end > file.len() || end < at + 4 {
            return None;
        }
        segments.push((marker, at + 4..end));
        if marker == 0xda {
            return Some((segments, end));
        }
        at = end;
    }
}

/// Changes the first `size` bytes of `data`. Returns their new number.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(seed | 1);
    let way = random.below(16);
    let Some((segments, scan)) = segments(&data[..size]).filter(|_| way > 0) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let mut file = data[..size].to_vec();
    match way {
        1 => sampling(&mut file, &segments, &mut random),
        2 | 3 => swap_symbols(&mut file, &segments, &mut random),
        4 => size_of_frame(&mut file, &segments, &mut random),
        _ => compressed(&mut file, scan, &mut random),
    }
    // Any end is refused but that right behind the last block.
    if random.below(8) > 0 {
        end_behind_blocks(&mut file, scan, &mut random);
    }
    let length = file.len().min(max_size);
    data[..length].copy_from_slice(&file[..length]);
    length
}

fn sampling(file: &mut [u8], segments: &[(u8, Range<usize>)], random: &mut Random) {
    for (_, range) in segments.iter().filter(|(marker, _)| matches!(marker, 0xc0 | 0xc1)) {
        if let Some(factors) = file[range.clone()].get_mut(7) {
            *factors = SAMPLINGS[random.below(SAMPLINGS.len())];
        }
    }
}

/// Swaps two symbols of a Huffman code, which leaves it valid.
fn swap_symbols(file: &mut [u8], segments: &[(u8, Range<usize>)], random: &mut Random) {
    let codes: Vec<_> = segments.iter().filter(|(marker, range)| *marker == 0xc4 && range.len() > 17).collect();
    if codes.is_empty() {
        return;
    }
    let symbols = &mut file[codes[random.below(codes.len())].1.clone()][17..];
    let (one, other) = (random.below(symbols.len()), random.below(symbols.len()));
    symbols.swap(one, other);
}

fn size_of_frame(file: &mut [u8], segments: &[(u8, Range<usize>)], random: &mut Random) {
    for (_, range) in segments.iter().filter(|(marker, range)| matches!(marker, 0xc0 | 0xc1) && range.len() > 5) {
        let content = &mut file[range.clone()];
        content[1..5].copy_from_slice(&[0, 1, 0, 1]);
        content[2] += u8::try_from(random.below(160)).unwrap();
        content[4] += u8::try_from(random.below(160)).unwrap();
    }
}

/// Changes the data between two markers, without their stuffing.
fn compressed(file: &mut Vec<u8>, scan: usize, random: &mut Random) {
    let is_marker = |at: &usize| file[*at] == 0xff && file.get(at + 1).is_some_and(|byte| *byte != 0);
    let markers: Vec<usize> = (scan..file.len()).filter(is_marker).collect();
    let number = random.below(markers.len());
    let end = markers.get(number).copied().unwrap_or(file.len());
    let begin = if number == 0 { scan } else { (markers[number - 1] + 2).min(end) };
    let mut plain = Vec::new();
    for (index, byte) in file[begin..end].iter().enumerate() {
        if *byte != 0 || index == 0 || file[begin + index - 1] != 0xff {
            plain.push(*byte);
        }
    }
    let (length, room) = (plain.len(), plain.len() + 64);
    plain.resize(room, 0);
    let length = fuzzer_mutate(&mut plain, length, room);
    let stuffed = plain[..length].iter().flat_map(|byte| [*byte, 0].into_iter().take(1 + usize::from(*byte == 0xff)));
    file.splice(begin..end, stuffed.collect::<Vec<_>>());
}

fn end_behind_blocks(file: &mut Vec<u8>, scan: usize, random: &mut Random) {
    if file[scan..].ends_with(&[0xff, 0xd9]) {
        file.truncate(file.len() - 2);
    }
    file.extend((0..MORE).map(|_| u8::try_from(random.below(255)).unwrap()));
    match plain::length(file) {
        Some(length) => file.truncate(length),
        None => file.truncate(file.len() - MORE),
    }
    file.extend([0xff, 0xd9]);
}
