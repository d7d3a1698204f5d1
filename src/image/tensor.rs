//! Pixels, scaled into the tensor that a model reads.

use ndarray::{Array4, ArrayViewMut2, Axis};

use super::resize::CHANNELS;
use crate::model::{InputSpec, Layout};

/// A model's scaling, worked out once for each of the 256 values of each channel.
#[derive(Clone, Debug)]
pub struct Scaling {
    values: [[f32; 256]; CHANNELS],
    layout: Layout,
}

impl Scaling {
    /// The scaling that `spec` describes: `(pixel - mean) / std`, with pixels from 0 to 255.
    pub fn new(spec: &InputSpec) -> Self {
        let mut values = [[0.0; 256]; CHANNELS];
        for ((values, mean), std) in values.iter_mut().zip(spec.mean).zip(spec.std) {
            for (pixel, value) in (0_u8..=255).zip(values) {
                #[expect(clippy::cast_possible_truncation, reason = "the model reads 32-bit floats")]
                let scaled = ((f64::from(pixel) - mean) / std) as f32;
                *value = scaled;
            }
        }
        Self { values, layout: spec.layout }
    }

    /// Writes `pixels`, interleaved RGB rows, to `tensor`: `[1, 3, height, width]` or `[1, height,
    /// width, 3]`, as the model's layout says.
    ///
    /// # Panics
    /// Where the two do not have the same number of values.
    pub fn apply(&self, pixels: &[u8], tensor: &mut Array4<f32>) {
        assert_eq!(pixels.len(), tensor.len(), "pixels do not fit the tensor");
        let mut image = tensor.index_axis_mut(Axis(0), 0);
        let channel_axis = match self.layout {
            Layout::Nchw => Axis(0),
            Layout::Nhwc => Axis(2),
        };
        for (channel, (plane, values)) in image.axis_iter_mut(channel_axis).zip(&self.values).enumerate() {
            fill(plane, pixels.iter().skip(channel).step_by(CHANNELS), values);
        }
    }
}

fn fill<'a>(mut plane: ArrayViewMut2<'_, f32>, pixels: impl Iterator<Item = &'a u8>, values: &[f32; 256]) {
    for (target, pixel) in plane.iter_mut().zip(pixels) {
        *target = values[usize::from(*pixel)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(layout: Layout) -> InputSpec {
        InputSpec { width: 2, height: 1, layout, mean: [127.5, 0.0, 100.0], std: [127.5, 255.0, 50.0] }
    }

    #[test]
    fn planes_for_nchw() {
        let spec = spec(Layout::Nchw);
        let mut tensor = spec.tensor();
        Scaling::new(&spec).apply(&[0, 255, 150, 255, 51, 50], &mut tensor);
        assert_eq!(tensor.shape(), [1, 3, 1, 2]);
        assert_eq!(tensor.as_slice(), Some(&[-1.0, 1.0, 1.0, 0.2, 1.0, -1.0][..]));
    }

    #[test]
    fn triples_for_nhwc() {
        let spec = spec(Layout::Nhwc);
        let mut tensor = spec.tensor();
        Scaling::new(&spec).apply(&[0, 255, 150, 255, 51, 50], &mut tensor);
        assert_eq!(tensor.shape(), [1, 1, 2, 3]);
        assert_eq!(tensor.as_slice(), Some(&[-1.0, 1.0, 1.0, 1.0, 0.2, -1.0][..]));
    }
}
