//! Pixels, scaled into the tensor that a model reads.

use super::settings::{Colours, Layout, Preprocess};
use crate::image::CHANNELS;

/// A model's scaling, computed once for each of the 256 values of each channel.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    /// In the order of the tensor's channels.
    values: [[f32; 256]; CHANNELS],
    /// The channel of an RGB pixel that each channel of the tensor holds.
    order: [usize; CHANNELS],
    layout: Layout,
}

impl Scaling {
    pub(super) fn new(input: &Preprocess) -> Self {
        let mut values = [[0.0; 256]; CHANNELS];
        for ((values, mean), std) in values.iter_mut().zip(input.mean).zip(input.std) {
            for (pixel, value) in (0_u8..=255).zip(values) {
                #[expect(clippy::cast_possible_truncation, reason = "the model reads 32-bit floats")]
                let scaled = ((f64::from(pixel) - mean) / std) as f32;
                *value = scaled;
            }
        }
        let order = match input.colours {
            Colours::Rgb => [0, 1, 2],
            Colours::Bgr => [2, 1, 0],
        };
        Self { values, order, layout: input.layout }
    }

    /// Writes `pixels`, RGB triples, to `tensor`.
    ///
    /// # Panics
    /// Panics if the two do not have the same number of values: a fault of the caller.
    pub(super) fn apply(&self, pixels: &[u8], tensor: &mut [f32]) {
        assert_eq!(pixels.len(), tensor.len(), "pixels do not fit the tensor");
        let pixels = pixels.chunks_exact(CHANNELS);
        match self.layout {
            Layout::Nchw => {
                let planes = tensor.chunks_exact_mut(pixels.len());
                for ((plane, values), channel) in planes.zip(&self.values).zip(self.order) {
                    for (target, pixel) in plane.iter_mut().zip(pixels.clone()) {
                        *target = values[usize::from(pixel[channel])];
                    }
                }
            }
            Layout::Nhwc => {
                for (target, pixel) in tensor.chunks_exact_mut(CHANNELS).zip(pixels) {
                    for ((target, values), channel) in target.iter_mut().zip(&self.values).zip(self.order) {
                        *target = values[usize::from(pixel[channel])];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: [u8; 6] = [0, 255, 150, 255, 51, 50];

    fn apply(layout: Layout, colours: Colours) -> Vec<f32> {
        let (mean, std) = ([127.5, 0.0, 100.0], [127.5, 255.0, 50.0]);
        let input = Preprocess { colours, layout, mean, std, ..Preprocess::of_size(2, 1) };
        let mut tensor = vec![0.0; input.values()];
        Scaling::new(&input).apply(&PIXELS, &mut tensor);
        tensor
    }

    #[test]
    fn planes_for_nchw() {
        assert_eq!(apply(Layout::Nchw, Colours::Rgb), [-1.0, 1.0, 1.0, 0.2, 1.0, -1.0]);
    }

    #[test]
    fn triples_for_nhwc() {
        assert_eq!(apply(Layout::Nhwc, Colours::Rgb), [-1.0, 1.0, 1.0, 1.0, 0.2, -1.0]);
    }

    /// Mean and deviation belong to the tensor's channels: here those of blue come first.
    #[test]
    fn blue_first() {
        let blue = [150.0_f32, 50.0].map(|value| (value - 127.5) / 127.5);
        let red = [0.0_f32, 255.0].map(|value| (value - 100.0) / 50.0);
        assert_eq!(apply(Layout::Nchw, Colours::Bgr), [blue[0], blue[1], 1.0, 0.2, red[0], red[1]]);
        assert_eq!(apply(Layout::Nhwc, Colours::Bgr), [blue[0], 1.0, red[0], blue[1], 0.2, red[1]]);
    }
}
