//! The scan: minimum coded units (MCUs), the pieces that hold some blocks of each component (T.81, A.2.3).

use super::changes::Changed;
use super::clip::{self, Samples, Spread, Transform};
use super::head::{Component, Head};
use super::kernels::{Dequantised, Kernels};
use super::planes::Planes;
use super::scan::{self, Chunk, Coding};
use super::segment::Segment;
use super::{BLOCK, Doubt, ZIGZAG_LENGTH, block};

/// The second byte of the marker at the end of a picture.
const END_OF_IMAGE: u8 = 0xd9;

/// Blocks of an MCU, at most, for the samplings that are read.
const MOST_BLOCKS: usize = 6;

/// The MCUs of a picture, decoded row by row.
pub(super) struct Mcus<'a> {
    kernels: &'static dyn Kernels,
    transform: Transform,
    segment: Segment<'a>,
    chunk: Chunk,
    values: [Dequantised; scan::BLOCKS],
    layout: Layout,
    /// The codes that the components name, each pair once: their tables fill the first-level cache.
    codings: Vec<Coding>,
    /// The coding of each component.
    coded_by: Vec<usize>,
    /// The steps of the quantisation of each component.
    steps: Vec<[i16; ZIGZAG_LENGTH]>,
    /// The last DC coefficient of each component.
    previous: [i32; 3],
    restarts: Restarts,
    /// The quantised coefficients of all blocks so far, for a comparison with another decoder.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) blocks: Vec<[i16; ZIGZAG_LENGTH]>,
}

/// What an MCU consists of.
struct Layout {
    /// MCUs in a row, and rows of them.
    count: (usize, usize),
    /// Blocks of the first component: across and down.
    sampling: (usize, usize),
    /// The component of each block.
    components: Vec<usize>,
}

/// The restart markers.
struct Restarts {
    /// MCUs from one to the next.
    interval: usize,
    /// MCUs up to the next.
    left: usize,
    /// Its number.
    next: u8,
}

impl<'a> Mcus<'a> {
    pub(super) fn new(head: &Head<'a>, kernels: &'static dyn Kernels) -> Result<Self, Doubt> {
        let (mut pairs, mut codings, mut coded_by) = (Vec::new(), Vec::new(), Vec::new());
        for component in &head.components {
            let pair = (component.dc, component.ac);
            let known = pairs.iter().position(|known| *known == pair);
            coded_by.push(known.unwrap_or(pairs.len()));
            if known.is_none() {
                let dc = head.codes.dc[component.dc].as_ref().ok_or(Doubt)?;
                codings.push(Coding::new(dc, head.codes.ac[component.ac].as_ref().ok_or(Doubt)?)?);
                pairs.push(pair);
            }
        }
        let interval = match head.restart_interval {
            0 => usize::MAX,
            interval => interval as usize,
        };
        Ok(Self {
            kernels,
            transform: Transform::default(),
            segment: Segment::new(head.data),
            chunk: Chunk::new(),
            values: Default::default(),
            layout: Layout::of(head),
            codings,
            coded_by,
            steps: head.components.iter().map(|component| component.steps).collect(),
            previous: [0; 3],
            restarts: Restarts { interval, left: interval, next: 0 },
            #[cfg(any(test, feature = "fuzzing"))]
            blocks: Vec::new(),
        })
    }

    /// MCUs in a row, and rows of them.
    pub(super) fn count(&self) -> (usize, usize) {
        self.layout.count
    }

    /// Decodes a row of MCUs into the planes' blocks.
    pub(super) fn decode_row(&mut self, planes: &mut Planes) -> Result<(), Doubt> {
        let blocks = self.layout.components.len();
        let (most, end) = (scan::BLOCKS / blocks, self.layout.count.0);
        let mut next = 0;
        while next < end {
            if self.restarts.left == 0 {
                self.restart()?;
            }
            let count = most.min(end - next).min(self.restarts.left);
            self.decode(count * blocks)?;
            for index in 0..count {
                self.put(next + index, index * blocks, planes)?;
            }
            self.chunk.clear(count * blocks);
            next += count;
            self.restarts.left -= count;
        }
        Ok(())
    }

    /// Checks that the scan ends here, and the picture with it.
    pub(super) fn finish(&self) -> Result<(), Doubt> {
        self.segment.finish(END_OF_IMAGE)
    }

    fn restart(&mut self) -> Result<(), Doubt> {
        self.segment.restart(self.restarts.next)?;
        self.restarts.next = self.restarts.next.wrapping_add(1);
        self.restarts.left = self.restarts.interval;
        self.previous = [0; 3];
        Ok(())
    }

    /// Decodes and dequantises blocks of whole MCUs.
    fn decode(&mut self, blocks: usize) -> Result<(), Doubt> {
        let (mut codings, mut steps) = ([&self.codings[0]; scan::BLOCKS], [&self.steps[0]; scan::BLOCKS]);
        for (index, component) in (0..blocks).zip(self.layout.components.iter().cycle()) {
            (codings[index], steps[index]) = (&self.codings[self.coded_by[*component]], &self.steps[*component]);
        }
        self.kernels.decode(&mut self.chunk, &mut self.segment, &codings[..blocks])?;
        self.kernels.dequantise(&self.chunk, &steps[..blocks], &mut self.values[..blocks]);
        Ok(())
    }

    /// Puts the blocks of MCU number `mcu` of the row, the first of which is number `first` of the chunk, into their planes.
    fn put(&mut self, mcu: usize, first: usize, planes: &mut Planes) -> Result<(), Doubt> {
        let (across, down) = self.layout.sampling;
        let (mut dcs, mut most) = ([0; MOST_BLOCKS], [0; MOST_BLOCKS]);
        for (index, component) in self.layout.components.iter().enumerate() {
            let Dequantised { deviation, kept } = &self.values[first + index];
            let difference = self.chunk.block(first + index)[0];
            let previous = &mut self.previous[*component];
            let (step, part) = (self.steps[*component][0], clip::PARTS[*component]);
            let dc = block::dc(*deviation, difference, step, part, previous)?;
            #[cfg(any(test, feature = "fuzzing"))]
            self.blocks.push(super::recorded(self.chunk.block(first + index), *previous));
            let (column, slot) = if *component == 0 {
                let slot = usize::from(index >= across);
                (mcu * across + index - slot * across, slot)
            } else {
                (mcu, 0)
            };
            planes.components[*component].put(column, slot, kept, dc);
            (dcs[index], most[index]) = (dc, i32::from(dc).abs() + 2 * deviation);
        }
        let luma = across * down;
        let colours = if planes.has_colours { clip::most_of_colours(most[luma], most[luma + 1]) } else { 0 };
        if most[..luma].iter().any(|most| most + colours > clip::MOST) {
            self.clip(mcu, first, &dcs, planes);
        }
        Ok(())
    }

    /// Adds what limits change in an MCU, whose blocks have these DC coefficients, to the planes' changes.
    #[cold]
    fn clip(&self, mcu: usize, first: usize, dcs: &[i16; MOST_BLOCKS], planes: &mut Planes) {
        let (across, down) = self.layout.sampling;
        let luma = across * down;
        let block = |index: usize| (self.chunk.block(first + index), &self.steps[self.layout.components[index]]);
        let spread = |index: usize| {
            let (coefficients, steps) = block(index);
            Spread::new(dcs[index], self.kernels.energy(coefficients, steps))
        };
        let samples = |index: usize| {
            let (coefficients, steps) = block(index);
            self.kernels.samples(&self.transform, coefficients, steps, dcs[index])
        };
        let spreads = if planes.has_colours { [spread(luma), spread(luma + 1)] } else { Default::default() };
        let colours = Spread::of_colours(spreads[0], spreads[1]);
        let mut chroma = None;
        for index in 0..luma {
            let y = spread(index);
            if !colours.iter().any(|colour| y.plus(*colour).leaves_range()) {
                continue;
            }
            let (slot, [cb, cr]) = (
                usize::from(index >= across),
                chroma.get_or_insert_with(|| {
                    let colour = |index: usize| match spreads[index].even() {
                        Some(sample) => [[sample; BLOCK]; BLOCK],
                        None => samples(luma + index),
                    };
                    [colour(0), colour(1)]
                }),
            );
            let column = index - slot * across;
            let place = |whole: &Samples| repeated(whole, (across, down), (column, slot));
            let changes = self.kernels.changes(&self.transform, &samples(index), &place(cb), &place(cr));
            planes.changes.blocks.push(Changed { column: mcu * across + column, slot, changes });
        }
    }
}

impl Layout {
    fn of(head: &Head<'_>) -> Self {
        let (across, down) = head.sampling();
        let count = |pixels: u32, blocks: usize| (pixels as usize).div_ceil(blocks * BLOCK);
        let blocks =
            |(index, component): (usize, &Component)| std::iter::repeat_n(index, component.across * component.down);
        Self {
            count: (count(head.size.width, across), count(head.size.height, down)),
            sampling: (across, down),
            components: head.components.iter().enumerate().flat_map(blocks).collect(),
        }
    }
}

/// The samples of Cb or Cr for the pixels of one block of Y: that in `column` and `row` of an MCU of `across` x `down`.
fn repeated(samples: &Samples, (across, down): (usize, usize), (column, row): (usize, usize)) -> Samples {
    // Powers of two.
    let (across, down) = (across.trailing_zeros(), down.trailing_zeros());
    std::array::from_fn(|y| {
        let samples = &samples[((row * BLOCK + y) >> down) % BLOCK];
        std::array::from_fn(|x| samples[((column * BLOCK + x) >> across) % BLOCK])
    })
}
