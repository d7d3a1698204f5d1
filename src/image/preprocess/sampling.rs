//! TensorFlow's `tf.image.resize`, which the data sets of Keras are made with.
//!
//! Unlike Pillow's, its filters are not widened where a picture is made smaller, and its results are floats, which are not
//! rounded. The arithmetic is that of its kernels for `half_pixel_centers` (`resize_bilinear_op.cc`, `resize_bicubic_op.cc`,
//! `resize_nearest_neighbor_op.cc`), to the bit: every operation in 32-bit floats, in their order.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "32-bit floats and their truncation are part of the arithmetic"
)]

use super::filter::bicubic;
use super::window::{Placement, Proportion, Window};
use crate::error::Error;
use crate::image::{CHANNELS, Picture, Size};
use crate::memory;
use crate::stop::Stop;

/// The most source positions that an output value reads along one axis.
const TAPS: usize = 4;

/// Rows that are computed before the resize asks again whether to stop.
const BAND: usize = 16;

/// The steps of a pixel for which bicubic weights are computed.
const STEPS: f32 = 1024.0;

/// How a value between pixels is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The pixel in which the position lies.
    Nearest,
    /// Linear between two pixels of a row, then between two rows.
    Bilinear,
    /// Keys' cubic convolution of four pixels with a = -0.5, whose weights at an edge are those of the pixels that are there.
    Bicubic,
}

/// What one output value reads along one axis.
#[derive(Clone, Copy, Debug)]
struct Taps {
    /// Places in the stored pixels; both axes together give the place of a pixel.
    places: [usize; TAPS],
    /// Of the four pixels of a cubic convolution; the second one's of two pixels.
    weights: [f32; TAPS],
}

/// Resizes pictures to one size. The buffers are kept from picture to picture.
#[derive(Debug)]
pub(super) struct Sampler {
    target: Size,
    window: Window,
    interpolation: Interpolation,
    along_x: Vec<Taps>,
    along_y: Vec<Taps>,
    resized: Vec<f32>,
}

impl Sampler {
    pub(super) fn new(target: Size, window: Window, interpolation: Interpolation) -> Self {
        Self { target, window, interpolation, along_x: Vec::new(), along_y: Vec::new(), resized: Vec::new() }
    }

    /// Resizes `pixels`, the RGB triples that a decoder wrote for `picture`, and turns them upright. Returns the RGB triples
    /// of the target, row by row from the top left.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what [`Stop::check`] returns.
    ///
    /// # Panics
    /// Panics if `pixels` is not as long as `picture` says, or a side is 0: a fault of the decoder.
    pub(super) fn resize(&mut self, pixels: &[u8], picture: Picture, stop: &Stop) -> Result<&[f32], Error> {
        let (stored, orientation) = (picture.decoded(), picture.orientation);
        assert!(!pixels.is_empty() && pixels.len() == stored.pixels() * CHANNELS, "pixels do not fit the size");
        let upright = stored.turned(orientation);
        let Placement { part, resized, left, top } = self.window.place(upright, self.target, Proportion::Float);
        let row = stored.width as usize;
        let (step_x, step_y) = if orientation.transpose { (row, 1) } else { (1, row) };
        let x = Axis { length: upright.width, mirror: orientation.mirror_x, step: step_x };
        let y = Axis { length: upright.height, mirror: orientation.mirror_y, step: step_y };
        let Self { target, interpolation, along_x, along_y, .. } = self;
        let part_x = Part { begin: part.left, length: part.size.width, resized: resized.width, first: left };
        let part_y = Part { begin: part.top, length: part.size.height, resized: resized.height, first: top };
        part_x.taps(*interpolation, x, target.width, along_x)?;
        part_y.taps(*interpolation, y, target.height, along_y)?;
        memory::resize(&mut self.resized, target.pixels() * CHANNELS)?;
        let sample = match interpolation {
            Interpolation::Nearest => nearest,
            Interpolation::Bilinear => bilinear,
            Interpolation::Bicubic => cubic,
        };
        let rows = self.resized.chunks_exact_mut(target.width as usize * CHANNELS);
        for (index, (y, row)) in along_y.iter().zip(rows).enumerate() {
            if index % BAND == 0 {
                stop.check()?;
            }
            for (x, pixel) in along_x.iter().zip(row.chunks_exact_mut(CHANNELS)) {
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let read = |row: usize, column: usize| {
                        f32::from(pixels[(y.places[row] + x.places[column]) * CHANNELS + channel])
                    };
                    *value = sample(&read, y, x);
                }
            }
        }
        Ok(&self.resized)
    }

    /// Bytes that the buffers take.
    pub(super) fn held(&self) -> usize {
        memory::held(&self.along_x) + memory::held(&self.along_y) + memory::held(&self.resized)
    }
}

/// Reads the pixel in a row and a column of the taps.
type Read<'a> = &'a dyn Fn(usize, usize) -> f32;

fn nearest(read: Read<'_>, _: &Taps, _: &Taps) -> f32 {
    read(0, 0)
}

fn bilinear(read: Read<'_>, y: &Taps, x: &Taps) -> f32 {
    let between = |first: f32, second: f32, share: f32| first + (second - first) * share;
    let row = |row| between(read(row, 0), read(row, 1), x.weights[1]);
    between(row(0), row(1), y.weights[1])
}

fn cubic(read: Read<'_>, y: &Taps, x: &Taps) -> f32 {
    let sum = |value: &dyn Fn(usize) -> f32, weights: &[f32; TAPS]| {
        value(0) * weights[0] + value(1) * weights[1] + value(2) * weights[2] + value(3) * weights[3]
    };
    sum(&|column| sum(&|row| read(row, column), &y.weights), &x.weights)
}

/// One axis of the upright picture in the stored pixels.
#[derive(Clone, Copy)]
struct Axis {
    length: u32,
    mirror: bool,
    /// Stored pixels from one position to the next.
    step: usize,
}

impl Axis {
    fn place(self, position: u32) -> usize {
        let position = if self.mirror { self.length - 1 - position } else { position };
        position as usize * self.step
    }
}

/// The part of an axis that is resized.
#[derive(Clone, Copy)]
struct Part {
    begin: u32,
    length: u32,
    /// Its length after the resize.
    resized: u32,
    /// The first position after the resize that is computed.
    first: u32,
}

impl Part {
    /// The taps of `count` outputs.
    fn taps(self, interpolation: Interpolation, axis: Axis, count: u32, taps: &mut Vec<Taps>) -> Result<(), Error> {
        let scale = self.length as f32 / self.resized as f32;
        taps.clear();
        memory::reserve(taps, count as usize)?;
        for output in self.first..self.first + count {
            let centre = (output as f32 + 0.5) * scale;
            let (positions, weights) = match interpolation {
                Interpolation::Nearest => ([centre.floor(), 0.0, 0.0, 0.0], [0.0; TAPS]),
                Interpolation::Bilinear => linear(centre - 0.5),
                Interpolation::Bicubic => self.cubic(centre - 0.5),
            };
            let places = positions.map(|position| axis.place(self.begin + self.bounded(position)));
            taps.push(Taps { places, weights });
        }
        Ok(())
    }

    fn bounded(self, position: f32) -> u32 {
        (position.max(0.0) as u32).min(self.length - 1)
    }

    /// Positions outside have no weight, and the others' are scaled to the sum 1.
    fn cubic(self, at: f32) -> ([f32; TAPS], [f32; TAPS]) {
        let first = at.floor();
        let step = ((at - first) * STEPS).round_ties_even() / STEPS;
        let positions = [first - 1.0, first, first + 1.0, first + 2.0];
        let distances = [1.0 + step, step, 1.0 - step, 2.0 - step];
        let mut weights = [0.0; TAPS];
        for ((weight, position), distance) in weights.iter_mut().zip(positions).zip(distances) {
            if position >= 0.0 && position < self.length as f32 {
                *weight = bicubic(f64::from(distance)) as f32;
            }
        }
        let [first, second, third, fourth] = weights;
        let scale = 1.0 / (first + second + third + fourth);
        (positions, weights.map(|weight| weight * scale))
    }
}

fn linear(at: f32) -> ([f32; TAPS], [f32; TAPS]) {
    ([at.floor(), at.ceil(), 0.0, 0.0], [0.0, at - at.floor(), 0.0, 0.0])
}
