//! A decoder of JPEG files that is slow and plain, up to the coefficients: bit by bit, as ITU-T T.81 has it, and with nothing in
//! common with the decoder that tests and fuzzing compare to it.

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Coefficients {
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// Blocks of each component in an MCU, across and down.
    pub sampling: Vec<(usize, usize)>,
    /// Steps of the quantisation of each component, in the order of the file.
    pub steps: Vec<[u16; 64]>,
    /// The quantised coefficients of every block. Blocks and coefficients are in the order of the file.
    pub blocks: Vec<[i16; 64]>,
}

/// Decodes a file of one baseline scan; `None` where it is not one, or damaged.
pub fn decode(file: &[u8]) -> Option<Coefficients> {
    let (coefficients, rest) = decode_part(file)?;
    rest.starts_with(&[0xff, 0xd9]).then_some(coefficients)
}

/// The length of `file` up to the end of its compressed data, whatever follows. For fuzzing, which puts an end there.
pub fn length(file: &[u8]) -> Option<usize> {
    decode_part(file).map(|(_, rest)| file.len() - rest.len())
}

/// Also returns what follows the compressed data.
fn decode_part(file: &[u8]) -> Option<(Coefficients, &[u8])> {
    let mut rest = file.strip_prefix(&[0xff, 0xd8])?;
    let mut tables = Tables::default();
    loop {
        rest = rest.strip_prefix(&[0xff])?;
        // Any number of 0xff may come before the second byte of a marker (B.1.1.2).
        while let Some(behind) = rest.strip_prefix(&[0xff]) {
            rest = behind;
        }
        let (marker, behind) = rest.split_first()?;
        let (length, _) = behind.split_first_chunk::<2>()?;
        let (segment, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let mut segment = segment.get(2..)?.iter().copied();
        rest = behind;
        match marker {
            0xc0 | 0xc1 => tables.read_frame(&mut segment)?,
            0xc4 => while tables.read_code(&mut segment)? {},
            0xdb => while tables.read_steps(&mut segment)? {},
            0xdd => tables.interval = word(&mut segment)?,
            0xda => {
                let components = tables.read_scan(&mut segment)?;
                return if segment.next().is_none() { tables.decode_scan(&components, rest) } else { None };
            }
            0xe0..=0xef | 0xfe => segment.by_ref().for_each(drop),
            _ => return None,
        }
        if segment.next().is_some() {
            return None;
        }
    }
}

/// What stands in the segments before the scan.
#[derive(Default)]
struct Tables {
    size: (usize, usize),
    components: Vec<Component>,
    steps: [Option<[u16; 64]>; 4],
    codes: [[Option<Code>; 4]; 2],
    interval: usize,
}

struct Component {
    id: u8,
    sampling: (usize, usize),
    steps: u8,
}

/// The codes of each length: the first of them, and their symbols.
struct Code([(u32, Vec<u8>); 16]);

fn word(bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    Some(usize::from(bytes.next()?) << 8 | usize::from(bytes.next()?))
}

impl Tables {
    /// B.2.2.
    fn read_frame(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Option<()> {
        let (precision, height, width) = (bytes.next()?, word(bytes)?, word(bytes)?);
        if precision != 8 || height == 0 || width == 0 || !self.components.is_empty() {
            return None;
        }
        self.size = (width, height);
        for _ in 0..bytes.next()? {
            let (id, factors, steps) = (bytes.next()?, bytes.next()?, bytes.next()?);
            let sampling = (usize::from(factors >> 4), usize::from(factors & 15));
            if !(1..=4).contains(&sampling.0) || !(1..=4).contains(&sampling.1) {
                return None;
            }
            self.components.push(Component { id, sampling, steps });
        }
        Some(())
    }

    /// Reads one code (B.2.4.2). Returns whether there was one.
    fn read_code(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Option<bool> {
        let Some(number) = bytes.next() else { return Some(false) };
        let mut counts = [0; 16];
        for count in &mut counts {
            *count = bytes.next()?;
        }
        // Annex C: codes of a length are counted up, and go on with a zero behind them at the next length.
        let (mut next, mut code) = (0, Code(std::array::from_fn(|_| (0, Vec::new()))));
        for ((index, count), (first, symbols)) in counts.into_iter().enumerate().zip(&mut code.0) {
            next *= 2;
            *first = next;
            for _ in 0..count {
                symbols.push(bytes.next()?);
                next += 1;
                // One of ones only is not allowed.
                if next >= 2 << index {
                    return None;
                }
            }
        }
        let codes = self.codes.get_mut(usize::from(number >> 4))?;
        *codes.get_mut(usize::from(number & 15))? = Some(code);
        Some(true)
    }

    /// Reads the steps of one quantisation (B.2.4.1). Returns whether there were any.
    fn read_steps(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Option<bool> {
        let Some(number) = bytes.next() else { return Some(false) };
        let mut steps = [0; 64];
        for step in &mut steps {
            let value = if number >> 4 == 0 { usize::from(bytes.next()?) } else { word(bytes)? };
            *step = u16::try_from(value).ok()?;
        }
        *self.steps.get_mut(usize::from(number & 15))? = Some(steps);
        (number >> 4 < 2).then_some(true)
    }

    /// Reads a scan's header (B.2.3) of all components. Returns the numbers of their codes.
    fn read_scan(&self, bytes: &mut impl Iterator<Item = u8>) -> Option<Vec<(usize, usize)>> {
        let count = usize::from(bytes.next()?);
        if count == 0 || count != self.components.len() {
            return None;
        }
        let mut codes = Vec::new();
        for component in &self.components {
            let (id, numbers) = (bytes.next()?, bytes.next()?);
            if id != component.id {
                return None;
            }
            codes.push((usize::from(numbers >> 4), usize::from(numbers & 15)));
        }
        let selection = [bytes.next()?, bytes.next()?, bytes.next()?];
        (selection == [0, 63, 0]).then_some(codes)
    }

    /// Decodes the MCUs (A.2), and returns what follows them.
    fn decode_scan<'a>(&self, codes: &[(usize, usize)], data: &'a [u8]) -> Option<(Coefficients, &'a [u8])> {
        let most = self
            .components
            .iter()
            .fold((1, 1), |most, component| (most.0.max(component.sampling.0), most.1.max(component.sampling.1)));
        // A scan of one component has MCUs of one block.
        let is_single = self.components.len() == 1;
        let most = if is_single { (1, 1) } else { most };
        let sampling = |component: &Component| if is_single { (1, 1) } else { component.sampling };
        let steps = |component: &Component| self.steps.get(usize::from(component.steps)).copied().flatten();
        let mut coefficients = Coefficients {
            size: self.size,
            sampling: self.components.iter().map(sampling).collect(),
            steps: self.components.iter().map(steps).collect::<Option<_>>()?,
            blocks: Vec::new(),
        };
        let mut bits = Bits { data, left: 0 };
        let mut previous = [0; 4];
        let mcus = self.size.0.div_ceil(8 * most.0) * self.size.1.div_ceil(8 * most.1);
        for mcu in 0..mcus {
            if self.interval > 0 && mcu > 0 && mcu % self.interval == 0 {
                let number = u8::try_from((mcu / self.interval - 1) % 8).ok()?;
                bits = Bits { data: bits.end()?.strip_prefix(&[0xff, 0xd0 + number])?, left: 0 };
                previous = [0; 4];
            }
            for (index, ((across, down), (dc, ac))) in coefficients.sampling.iter().zip(codes).enumerate() {
                let (dc, ac) = (self.codes[0].get(*dc)?.as_ref()?, self.codes[1].get(*ac)?.as_ref()?);
                for _ in 0..across * down {
                    coefficients.blocks.push(bits.block(dc, ac, previous.get_mut(index)?)?);
                }
            }
        }
        Some((coefficients, bits.end()?))
    }
}

/// The bits of the compressed data.
struct Bits<'a> {
    /// From the byte with the next bit on.
    data: &'a [u8],
    /// Bits of it that have not been taken; 0 where none has been.
    left: u32,
}

impl<'a> Bits<'a> {
    /// Takes a bit (F.2.2.5).
    fn bit(&mut self) -> Option<u32> {
        let byte = *self.data.first()?;
        let is_stuffed = byte == 0xff;
        if is_stuffed && *self.data.get(1)? != 0 {
            return None;
        }
        self.left = if self.left == 0 { 7 } else { self.left - 1 };
        if self.left == 0 {
            self.data = &self.data[1 + usize::from(is_stuffed)..];
        }
        Some(u32::from(byte) >> self.left & 1)
    }

    /// What follows the byte of the last bit.
    fn end(&self) -> Option<&'a [u8]> {
        match self.data {
            data if self.left == 0 => Some(data),
            [0xff, 0, rest @ ..] | [_, rest @ ..] => Some(rest),
            [] => None,
        }
    }

    /// F.2.2.3.
    fn symbol(&mut self, code: &Code) -> Option<u8> {
        let mut bits = 0;
        for (first, symbols) in &code.0 {
            bits = bits * 2 + self.bit()?;
            if let Some(symbol) = bits.checked_sub(*first).and_then(|offset| symbols.get(offset as usize)) {
                return Some(*symbol);
            }
        }
        None
    }

    /// A value of `size` bits: those of the upper half are positive (F.1.2.1, tables F.1 and F.2).
    fn value(&mut self, size: u8) -> Option<i32> {
        let mut value = 0;
        for _ in 0..size {
            value = value * 2 + self.bit()?.cast_signed();
        }
        let half = (1 << size) / 2;
        Some(if value < half { value + 1 - (1 << size) } else { value })
    }

    /// F.2.2.1 and F.2.2.2.
    fn block(&mut self, dc: &Code, ac: &Code, previous: &mut i32) -> Option<[i16; 64]> {
        let mut block = [0; 64];
        let size = self.symbol(dc).filter(|size| *size <= 11)?;
        *previous += self.value(size)?;
        block[0] = i16::try_from(*previous).ok()?;
        let mut place = 0;
        while place < 63 {
            let symbol = self.symbol(ac)?;
            match (symbol >> 4, symbol & 15) {
                (0, 0) => break,
                (run, size) if size <= 10 && (size > 0 || run == 15) => {
                    place += usize::from(run) + 1;
                    *block.get_mut(place)? = i16::try_from(self.value(size)?).ok()?;
                }
                _ => return None,
            }
        }
        Some(block)
    }
}
