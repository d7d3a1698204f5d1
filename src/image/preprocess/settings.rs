//! The description of a model's input.

use super::filter::Filter;
use super::sampling::Interpolation;
use super::window::Window;
use crate::image::{Area, CHANNELS, Size};

/// Bytes of the weights for a pixel of the source, at most: a pixel has weights in as many outputs as the filter is wide, six
/// for Lanczos, of 4 bytes each, on two axes.
const WEIGHT_BYTES: u64 = 2 * 6 * 4;

/// The input tensor of a model, and how a picture becomes one. Each value is `(pixel - mean) / std`.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Pixels a row of the tensor.
    pub width: u32,
    /// Rows of the tensor.
    pub height: u32,
    /// The part of the picture that it holds.
    pub window: Window,
    /// The arithmetic of the resize.
    pub resample: Resample,
    /// The order of the channels.
    pub colours: Colours,
    /// The order of the axes.
    pub layout: Layout,
    /// Subtracted from the values (0 to 255) of each channel, in the order of the tensor's channels. One channel has the first.
    pub mean: [f64; 3],
    /// Divides the difference, in the same order.
    pub std: [f64; 3],
}

/// The arithmetic of a resize: whose, and which of its kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// Pillow's `Image.resize`: bytes, from all pixels.
    Pillow(Filter),
    /// TensorFlow's `tf.image.resize`: floats, from a few pixels around each position.
    TensorFlow(Interpolation),
}

impl Default for Resample {
    fn default() -> Self {
        Self::Pillow(Filter::default())
    }
}

/// The channels of a tensor, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red: models that were trained with `OpenCV` or Caffe.
    Bgr,
    /// One channel: Pillow's `convert("L")` before the resize.
    Gray,
}

impl Colours {
    /// The number of channels.
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => CHANNELS,
            Self::Gray => 1,
        }
    }
}

/// The order of a tensor's axes: N for pictures, C for channels, H for rows, W for columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// A plane for each channel.
    #[default]
    Nchw,
    /// The channels of a pixel side by side.
    Nhwc,
}

impl Preprocess {
    /// The whole picture, resized bicubically; RGB, planes, values from 0 to 255.
    pub fn of_size(width: u32, height: u32) -> Self {
        let (window, resample, colours, layout) = Default::default();
        Self { width, height, window, resample, colours, layout, mean: [0.0; 3], std: [1.0; 3] }
    }

    /// The part of an upright picture of the size `picture` that the model sees.
    pub fn area(&self, picture: Size) -> Area {
        self.window.area(picture, self.size())
    }

    /// The tensor's shape, for one picture.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height, channels) = (self.width as usize, self.height as usize, self.colours.channels());
        match self.layout {
            Layout::Nchw => [1, channels, height, width],
            Layout::Nhwc => [1, height, width, channels],
        }
    }

    /// The tensor's values in all.
    pub fn values(&self) -> usize {
        self.size().pixels() * self.colours.channels()
    }

    /// Pixels to which the shorter side of a picture is resized, at most: the detail that a decoder must keep, as
    /// [`Decoder::decode`](crate::image::Decoder::decode) takes it. `None` where every pixel must be kept, because the resize
    /// picks pixels instead of averaging them.
    pub fn detail(&self) -> Option<u32> {
        match self.resample {
            Resample::Pillow(Filter::Nearest) | Resample::TensorFlow(_) => None,
            Resample::Pillow(_) => Some(self.window.shorter_side(self.size())),
        }
    }

    /// Bytes that the resize takes for each pixel of a picture's longer side, at most: a row or column of the target in
    /// RGB between the two passes, and the weights of both axes.
    pub fn bytes_per_side(&self) -> u64 {
        let between = u64::from(self.width.max(self.height)) * CHANNELS as u64;
        between + WEIGHT_BYTES
    }

    pub(super) fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }
}
