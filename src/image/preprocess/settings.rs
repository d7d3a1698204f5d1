//! The description of a model's input.

use super::filter::Filter;
use super::window::Window;
use crate::image::{CHANNELS, Size};

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
    /// The filter of the resize.
    pub filter: Filter,
    /// The order of the channels.
    pub colours: Colours,
    /// The order of the axes.
    pub layout: Layout,
    /// Subtracted from the values (0 to 255) of each channel, in the order of the tensor's channels.
    pub mean: [f64; 3],
    /// Divides the difference, in the same order.
    pub std: [f64; 3],
}

/// The order of a tensor's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red: models that were trained with `OpenCV` or Caffe.
    Bgr,
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
        let (window, filter, colours, layout) = Default::default();
        Self { width, height, window, filter, colours, layout, mean: [0.0; 3], std: [1.0; 3] }
    }

    /// The tensor's shape, for one picture.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.layout {
            Layout::Nchw => [1, CHANNELS, height, width],
            Layout::Nhwc => [1, height, width, CHANNELS],
        }
    }

    /// The tensor's values in all.
    pub fn values(&self) -> usize {
        self.size().pixels() * CHANNELS
    }

    /// Pixels to which the shorter side of a picture is resized, at most: the detail that a decoder must keep, as
    /// [`Decoder::decode`](crate::image::Decoder::decode) takes it.
    pub fn shorter_side(&self) -> u32 {
        self.window.shorter_side(self.size())
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
