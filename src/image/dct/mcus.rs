//! The scan: minimum coded units (MCUs), the pieces that hold some blocks of each component (T.81, A.2.3).

#![allow(clippy::cast_possible_truncation, reason = "shares of samples are exact in any floating-point number")]
#![allow(clippy::inline_always, reason = "the code is compiled again for the instructions of its callers")]

use std::ops::Range;

use super::block::{self, Rounding};
use super::changes::Changed;
use super::clip::{self, Samples, Spread, Transform};
use super::head::{Component, Head};
use super::kernels::{Dequantised, Kernels};
use super::planes::Planes;
use super::projection::Upsampling;
use super::scan::{self, Chunk, Coding, Order};
use super::segment::Segment;
use super::{BLOCK, Doubt, ZIGZAG_LENGTH};

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
    coded: Coded<'a>,
    /// The last DC coefficient of each component.
    previous: [i32; 3],
    restarts: Restarts,
    /// The quantised coefficients of all blocks so far, for a comparison with another decoder.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) blocks: Vec<[i16; ZIGZAG_LENGTH]>,
}

/// The codes that components name, each pair once: their tables fill the first-level cache.
pub(super) struct Codings {
    codings: Vec<Coding>,
    /// The coding of each component.
    coded_by: Vec<usize>,
}

/// How the blocks of a chunk are coded and quantised.
struct Coded<'a> {
    /// The codings of the blocks of an MCU.
    codings: Vec<&'a Coding>,
    /// That of as many whole MCUs as there is room for.
    order: Order<'a>,
    /// The steps of the quantisation of each block.
    steps: [&'a [i16; ZIGZAG_LENGTH]; scan::BLOCKS],
}

/// What an MCU consists of.
struct Layout {
    /// MCUs in a row, and rows of them.
    count: (usize, usize),
    /// Blocks of the first component: across and down.
    sampling: (usize, usize),
    blocks: Vec<Place>,
}

/// A block's place in an MCU.
#[derive(Clone, Copy)]
struct Place {
    component: usize,
    /// Blocks of the component in a row of the MCU.
    across: usize,
    column: usize,
    /// The row of blocks.
    slot: usize,
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

impl Codings {
    pub(super) fn new(head: &Head<'_>) -> Result<Self, Doubt> {
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
        Ok(Self { codings, coded_by })
    }
}

impl<'a> Mcus<'a> {
    pub(super) fn new(head: &'a Head<'_>, codings: &'a Codings, kernels: &'static dyn Kernels) -> Self {
        let layout = Layout::of(head);
        let interval = match head.restart_interval {
            0 => usize::MAX,
            interval => interval as usize,
        };
        Self {
            kernels,
            transform: Transform::default(),
            segment: Segment::new(head.data),
            chunk: Chunk::new(),
            values: Default::default(),
            coded: Coded::new(head, codings, &layout.blocks),
            layout,
            previous: [0; 3],
            restarts: Restarts { interval, left: interval, next: 0 },
            #[cfg(any(test, feature = "fuzzing"))]
            blocks: Vec::new(),
        }
    }

    /// MCUs in a row, and rows of them.
    pub(super) fn count(&self) -> (usize, usize) {
        self.layout.count
    }

    /// Decodes a row of MCUs into the planes' blocks.
    pub(super) fn decode_row(&mut self, planes: &mut Planes) -> Result<(), Doubt> {
        let (most, end) = (scan::BLOCKS / self.layout.blocks.len(), self.layout.count.0);
        let mut next = 0;
        while next < end {
            if self.restarts.left == 0 {
                self.restart()?;
            }
            let count = most.min(end - next).min(self.restarts.left);
            if count == most {
                self.kernels.decode(&mut self.chunk, &mut self.segment, &self.coded.order)?;
            } else {
                let order = Order::new(count * self.layout.blocks.len(), &self.coded.codings);
                self.kernels.decode(&mut self.chunk, &mut self.segment, &order)?;
            }
            self.kernels.put(self, next..next + count, planes)?;
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

    /// Dequantises the chunk, which holds these MCUs of the row, puts its blocks into their planes, and makes it zero again.
    #[inline(always)]
    pub(super) fn put(&mut self, mcus: Range<usize>, planes: &mut Planes) -> Result<(), Doubt> {
        let blocks = self.layout.blocks.len();
        let count = mcus.len() * blocks;
        self.kernels.dequantise(&self.chunk, &self.coded.steps[..count], &mut self.values[..count]);
        for (mcu, first) in mcus.zip((0..count).step_by(blocks)) {
            self.put_one(mcu, first, planes)?;
        }
        self.chunk.clear(count);
        Ok(())
    }

    /// Puts the blocks of MCU number `mcu` of the row, the first of which is number `first` of the chunk, into their planes.
    #[inline(always)]
    fn put_one(&mut self, mcu: usize, first: usize, planes: &mut Planes) -> Result<(), Doubt> {
        let (mut dcs, mut most) = ([0; MOST_BLOCKS], [0; MOST_BLOCKS]);
        for (index, place) in self.layout.blocks.iter().enumerate() {
            let Dequantised { deviation, kept } = &self.values[first + index];
            let difference = self.chunk.block(first + index)[0];
            let previous = &mut self.previous[place.component];
            let (step, rounding) = (self.coded.steps[index][0], Rounding::ALL[place.component]);
            let dc = block::dc(*deviation, difference, step, rounding, previous)?;
            #[cfg(any(test, feature = "fuzzing"))]
            self.blocks.push(super::recorded(self.chunk.block(first + index), *previous));
            planes.components[place.component].put(mcu * place.across + place.column, place.slot, kept, dc);
            (dcs[index], most[index]) = (dc, i32::from(dc).abs() + 2 * deviation);
        }
        let luma = self.layout.luma();
        let colours = if planes.has_colours { clip::most_of_colours(most[luma], most[luma + 1]) } else { 0 };
        let most_of_luma = most[..luma].iter().fold(0, |all, most| all.max(*most));
        if most_of_luma + colours > clip::MOST {
            self.clip((mcu, first), &dcs, most.map(|most| most + colours), planes);
        }
        Ok(())
    }

    /// Adds what limits change in an MCU to the planes' changes. Its blocks have these DC coefficients, and the most for those of Y
    /// is as [`clip::MOST`] has it.
    #[cold]
    fn clip(
        &self,
        (mcu, first): (usize, usize),
        dcs: &[i16; MOST_BLOCKS],
        most: [i32; MOST_BLOCKS],
        planes: &mut Planes,
    ) {
        let (sampling, luma) = (self.layout.sampling, self.layout.luma());
        let block = |index: usize| (self.chunk.block(first + index), self.coded.steps[index]);
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
        for index in (0..luma).filter(|index| most[*index] > clip::MOST) {
            let y = spread(index);
            if !colours.iter().any(|colour| y.plus(*colour).leaves_range()) {
                continue;
            }
            let [cb, cr] = chroma.get_or_insert_with(|| {
                let colour = |index: usize| match spreads[index].even() {
                    Some(sample) => [[sample; BLOCK]; BLOCK],
                    None => samples(luma + index),
                };
                [colour(0), colour(1)]
            });
            let Place { across, column, slot, .. } = self.layout.blocks[index];
            let place = |whole: &Samples| upsampled(whole, sampling, (column, slot));
            let changes = self.kernels.changes(&self.transform, &samples(index), &place(cb), &place(cr));
            planes.changes.blocks.push(Changed { column: mcu * across + column, slot, changes });
        }
    }
}

impl<'a> Coded<'a> {
    fn new(head: &'a Head<'_>, codings: &'a Codings, blocks: &[Place]) -> Self {
        let coding = |place: &Place| &codings.codings[codings.coded_by[place.component]];
        let codings: Vec<_> = blocks.iter().map(coding).collect();
        let count = scan::BLOCKS / blocks.len() * blocks.len();
        let steps = |index: usize| &head.components[blocks[index % blocks.len()].component].steps;
        Self { order: Order::new(count, &codings), codings, steps: std::array::from_fn(steps) }
    }
}

impl Layout {
    fn of(head: &Head<'_>) -> Self {
        let (across, down) = head.sampling();
        let count = |pixels: u32, blocks: usize| (pixels as usize).div_ceil(blocks * BLOCK);
        let places = |(number, component): (usize, &Component)| {
            let &Component { across, down, .. } = component;
            let place = move |index| Place { component: number, across, column: index % across, slot: index / across };
            (0..across * down).map(place)
        };
        Self {
            count: (count(head.size.width, across), count(head.size.height, down)),
            sampling: (across, down),
            blocks: head.components.iter().enumerate().flat_map(places).collect(),
        }
    }

    /// Blocks of the first component.
    #[inline(always)]
    fn luma(&self) -> usize {
        self.sampling.0 * self.sampling.1
    }
}

/// The samples of Cb or Cr for the pixels of one block of Y: that in `column` and `row` of an MCU of `across` x `down`. Those
/// beyond the block are taken to be as at its edge.
fn upsampled(samples: &Samples, (across, down): (usize, usize), (column, row): (usize, usize)) -> Samples {
    // Shares are quarters.
    let shares =
        |pixels, pixel| Upsampling::of(pixels).shares(pixel, BLOCK).map(|(sample, share)| (sample, share as f32));
    let mut rows = [[0.0; BLOCK]; BLOCK];
    for (y, values) in rows.iter_mut().enumerate() {
        let [(near, weight), (far, rest)] = shares(down, row * BLOCK + y);
        for (x, value) in values.iter_mut().enumerate() {
            *value = samples[near][x] * weight + samples[far][x] * rest;
        }
    }
    std::array::from_fn(|y| {
        std::array::from_fn(|x| {
            let [(near, weight), (far, rest)] = shares(across, column * BLOCK + x);
            rows[y][near] * weight + rows[y][far] * rest
        })
    })
}
