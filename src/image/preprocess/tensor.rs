//! Pixels, scaled into the tensor that a model reads.

use ndarray::Array4;

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
    /// Where the two do not have the same number of values, or the tensor has gaps: not one of
    /// [`InputSpec::tensor`].
    pub fn apply(&self, pixels: &[u8], tensor: &mut Array4<f32>) {
        assert_eq!(pixels.len(), tensor.len(), "pixels do not fit the tensor");
        let tensor = tensor.as_slice_mut().expect("a tensor without gaps");
        let pixels = pixels.chunks_exact(CHANNELS);
        match self.layout {
            Layout::Nchw => {
                let planes = tensor.chunks_exact_mut(pixels.len());
                for (channel, (plane, values)) in planes.zip(&self.values).enumerate() {
                    for (target, pixel) in plane.iter_mut().zip(pixels.clone()) {
                        *target = values[usize::from(pixel[channel])];
                    }
                }
            }
            Layout::Nhwc => {
                for (target, pixel) in tensor.chunks_exact_mut(CHANNELS).zip(pixels) {
                    for ((target, value), values) in target.iter_mut().zip(pixel).zip(&self.values) {
                        *target = values[usize::from(*value)];
                    }
                }
            }
        }
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
