//! Pixels, scaled into the tensor that a model reads.

use super::settings::{Colours, Layout, Preprocess};
use crate::image::CHANNELS;

/// A model's scaling, computed once for each of the 256 values of each channel.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    /// In the order of the tensor's channels.
    values: [[f32; 256]; CHANNELS],
    /// The channel of an RGB pixel that each channel of the tensor holds.
    order: &'static [usize],
    layout: Layout,
    mean: [f64; CHANNELS],
    std: [f64; CHANNELS],
}

impl Scaling {
    pub(super) fn new(input: &Preprocess) -> Self {
        let mut values = [[0.0; 256]; CHANNELS];
        for ((values, mean), std) in values.iter_mut().zip(input.mean).zip(input.std) {
            for (pixel, value) in (0_u8..=255).zip(values) {
                *value = scaled(f64::from(pixel), mean, std);
            }
        }
        let order: &[usize] = match input.colours {
            Colours::Rgb => &[0, 1, 2],
            Colours::Bgr => &[2, 1, 0],
            Colours::Gray => &[0],
        };
        Self { values, order, layout: input.layout, mean: input.mean, std: input.std }
    }

    /// Writes `pixels`, RGB triples, to `tensor`.
    ///
    /// # Panics
    /// Panics if the tensor does not have a value for each pixel and channel: a fault of the caller.
    pub(super) fn apply(&self, pixels: &[u8], tensor: &mut [f32]) {
        self.write(pixels, tensor, |channel, pixel| self.values[channel][usize::from(pixel)]);
    }

    /// The same for values between those of bytes.
    ///
    /// # Panics
    /// As [`apply`](Self::apply).
    pub(super) fn apply_to_floats(&self, pixels: &[f32], tensor: &mut [f32]) {
        self.write(pixels, tensor, |channel, pixel| scaled(f64::from(pixel), self.mean[channel], self.std[channel]));
    }

    fn write<T: Copy>(&self, pixels: &[T], tensor: &mut [f32], value: impl Fn(usize, T) -> f32) {
        let channels = self.order.len();
        assert_eq!(pixels.len() / CHANNELS * channels, tensor.len(), "pixels do not fit the tensor");
        let pixels = pixels.chunks_exact(CHANNELS);
        match self.layout {
            Layout::Nchw => {
                let planes = tensor.chunks_exact_mut(pixels.len());
                for (channel, (plane, from)) in planes.zip(self.order).enumerate() {
                    for (target, pixel) in plane.iter_mut().zip(pixels.clone()) {
                        *target = value(channel, pixel[*from]);
                    }
                }
            }
            Layout::Nhwc => {
                for (target, pixel) in tensor.chunks_exact_mut(channels).zip(pixels) {
                    for (channel, (target, from)) in target.iter_mut().zip(self.order).enumerate() {
                        *target = value(channel, pixel[*from]);
                    }
                }
            }
        }
    }
}

fn scaled(value: f64, mean: f64, std: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "the model reads 32-bit floats")]
    let scaled = ((value - mean) / std) as f32;
    scaled
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
