//! Writes compressed data from coefficients, bit by bit.

use super::{Kind, Segment, Subsampling, drawn, put_together, taken_apart};

/// A Huffman code as a file has it: how many codes of each length there are, and their symbols.
#[derive(Clone, Debug)]
pub(in crate::image::dct) struct Encoding {
    pub(in crate::image::dct) counts: [u8; 16],
    pub(in crate::image::dct) symbols: Vec<u8>,
}

impl Encoding {
    /// The standard codes of Y: for DC and for AC coefficients (T.81, tables K.3 and K.5), as libjpeg-turbo writes them.
    pub(in crate::image::dct) fn standard() -> [Self; 2] {
        let (segments, _) = taken_apart(&Kind::new(Subsampling::Gray).encode(&drawn(8, 8), 8));
        [0x00, 0x10].map(|number| {
            let is_asked_for = |segment: &&Segment| segment.0 == 0xc4 && segment.1[0] == number;
            let (_, content) = segments.iter().find(is_asked_for).unwrap();
            Self { counts: content[1..17].try_into().unwrap(), symbols: content[17..].to_vec() }
        })
    }

    /// The code with these symbols of each length, the shortest first.
    pub(in crate::image::dct) fn of(lengths: &[(usize, &[u8])]) -> Self {
        let mut encoding = Self { counts: [0; 16], symbols: Vec::new() };
        for (length, symbols) in lengths {
            encoding.counts[length - 1] += u8::try_from(symbols.len()).unwrap();
            encoding.symbols.extend_from_slice(symbols);
        }
        encoding
    }

    /// The code of a symbol and its length, counted up as T.81's annex C has it.
    pub(in crate::image::dct) fn code(&self, symbol: u8) -> (u32, u32) {
        let (mut code, mut symbols) = (0, self.symbols.iter());
        for (length, count) in (1..).zip(self.counts) {
            for _ in 0..count {
                if symbols.next() == Some(&symbol) {
                    return (code, length);
                }
                code += 1;
            }
            code *= 2;
        }
        panic!("no code for {symbol:#x}");
    }

    /// The segment that defines it, as that of number 0 for DC (0) or AC (1) coefficients.
    pub(in crate::image::dct) fn segment(&self, class: u8) -> Segment {
        (0xc4, [&[class << 4][..], &self.counts, &self.symbols].concat())
    }
}

/// Bits on their way to a file.
#[derive(Clone, Default)]
pub(in crate::image::dct) struct Bits(Vec<bool>);

impl Bits {
    /// Appends the lowest `count` bits.
    pub(in crate::image::dct) fn put(&mut self, bits: u32, count: u32) {
        self.0.extend((0..count).rev().map(|place| bits >> place & 1 == 1));
    }

    /// The bytes with their stuffing, filled up with ones.
    pub(in crate::image::dct) fn stuffed(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(8), true);
        let mut bytes = Vec::new();
        for bits in self.0.chunks(8) {
            let byte = bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            bytes.push(byte);
            if byte == 0xff {
                bytes.push(0);
            }
        }
        bytes
    }

    pub(in crate::image::dct) fn symbol(&mut self, encoding: &Encoding, symbol: u8) {
        let (code, length) = encoding.code(symbol);
        self.put(code, length);
    }

    /// T.81, tables F.1 and F.2: the lowest bits of the value, or of the value less one where it is negative.
    fn value(&mut self, encoding: &Encoding, run: u8, value: i16) {
        let size = 16 - value.unsigned_abs().leading_zeros();
        self.symbol(encoding, run << 4 | u8::try_from(size).unwrap());
        let bits = if value < 0 { value - 1 } else { value };
        self.put(u32::from(bits.cast_unsigned()) & ((1 << size) - 1), size);
    }

    /// A block whose first coefficient is the difference to the one before.
    pub(in crate::image::dct) fn block(&mut self, [dc, ac]: &[Encoding; 2], block: &[i16; 64]) {
        self.value(dc, 0, block[0]);
        let last = block.iter().rposition(|value| *value != 0).unwrap_or(0);
        let mut run = 0;
        for value in block.iter().take(last + 1).skip(1) {
            if *value == 0 {
                run += 1;
                continue;
            }
            while run > 15 {
                self.symbol(ac, 0xf0);
                run -= 16;
            }
            self.value(ac, run, *value);
            run = 0;
        }
        if last < 63 {
            self.symbol(ac, 0);
        }
    }
}

/// The compressed data of blocks, up to the end of the picture.
pub(in crate::image::dct) fn encode(encodings: &[Encoding; 2], blocks: &[[i16; 64]]) -> Vec<u8> {
    let mut bits = Bits::default();
    for block in blocks {
        bits.block(encodings, block);
    }
    [bits.stuffed(), vec![0xff, 0xd9]].concat()
}

/// A gray file of `across` x `down` blocks, with `data` behind its head and 1 as every step of the quantisation.
pub(in crate::image::dct) fn in_file(encodings: &[Encoding; 2], (across, down): (u16, u16), data: &[u8]) -> Vec<u8> {
    let ([h1, h2], [w1, w2]) = ((down * 8).to_be_bytes(), (across * 8).to_be_bytes());
    let segments = [
        (0xdb, [&[0][..], &[1; 64]].concat()),
        (0xc0, vec![8, h1, h2, w1, w2, 1, 1, 0x11, 0]),
        encodings[0].segment(0),
        encodings[1].segment(1),
        (0xda, vec![1, 1, 0, 0, 63, 0]),
    ];
    put_together(&segments, data)
}
