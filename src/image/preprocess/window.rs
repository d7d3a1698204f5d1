//! The part of a picture that a model sees.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::image::Size;

/// How a picture of any shape becomes an input of one shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// The whole picture, resized to the input; its aspect is not kept.
    #[default]
    Stretch,
    /// The centre of the picture, after its shorter side has been resized to `shorter_side`: torchvision's
    /// `Resize(shorter_side)` and `CenterCrop`.
    CentreCrop {
        /// Pixels; at least the longer side of the input.
        shorter_side: u32,
    },
    /// The largest rectangle of the input's aspect in the centre of the picture, resized to the input: Keras'
    /// `load_img(keep_aspect_ratio=True)`, and `crop_to_aspect_ratio` of its `image_dataset_from_directory`.
    CropToAspect,
}

/// A resize of a part of the picture, of which only the input's rectangle is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// The part of the picture that is resized.
    pub(super) part: Rectangle,
    /// The size of that part after the resize.
    pub(super) resized: Size,
    /// The column of it with which the input begins.
    pub(super) left: u32,
    /// The row of it with which the input begins.
    pub(super) top: u32,
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: Size,
}

/// A part of a picture, in fractions of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Area {
    /// What lies left of it.
    #[schema(minimum = 0, maximum = 1, example = 0.0)]
    pub left: f32,
    /// What lies above it.
    #[schema(minimum = 0, maximum = 1, example = 0.0)]
    pub top: f32,
    /// Its width.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    pub width: f32,
    /// Its height.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    pub height: f32,
}

impl Area {
    /// All of a picture.
    pub const WHOLE: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
}

/// How a part of another's proportion is computed: the two originals of [`Window::CropToAspect`] round apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proportion {
    /// In whole numbers, as `load_img`.
    Whole,
    /// In 32-bit floats, as `smart_resize` in a graph of TensorFlow.
    Float,
}

impl Window {
    /// Where the input lies in the resized form of a picture of the size `picture`, which is upright.
    pub(super) fn place(self, picture: Size, input: Size, proportion: Proportion) -> Placement {
        let whole = Rectangle { left: 0, top: 0, size: picture };
        match self {
            Self::Stretch => Placement { part: whole, resized: input, left: 0, top: 0 },
            Self::CentreCrop { shorter_side } => {
                let resized = with_shorter_side(picture, shorter_side);
                let (left, top) = (centred(resized.width, input.width), centred(resized.height, input.height));
                Placement { part: whole, resized, left, top }
            }
            Self::CropToAspect => {
                Placement { part: of_aspect(picture, input, proportion), resized: input, left: 0, top: 0 }
            }
        }
    }

    /// The part of an upright picture that an input of the size `input` shows.
    #[expect(clippy::cast_possible_truncation, reason = "fractions from 0 to 1")]
    pub(super) fn area(self, picture: Size, input: Size) -> Area {
        let Placement { part, resized, left, top } = self.place(picture, input, Proportion::Whole);
        let along = |begin: u32, part: u32, whole: u32, first: u32, count: u32, resized: u32| {
            let scale = f64::from(part) / f64::from(resized) / f64::from(whole);
            let begin = f64::from(begin) / f64::from(whole) + f64::from(first) * scale;
            (begin as f32, (f64::from(count) * scale) as f32)
        };
        let Rectangle { left: from_x, top: from_y, size } = part;
        let (left, width) = along(from_x, size.width, picture.width, left, input.width, resized.width);
        let (top, height) = along(from_y, size.height, picture.height, top, input.height, resized.height);
        Area { left, top, width, height }
    }

    /// Pixels that the shorter side of a picture is resized to, at most.
    pub(super) fn shorter_side(self, input: Size) -> u32 {
        match self {
            Self::Stretch | Self::CropToAspect => input.width.max(input.height),
            Self::CentreCrop { shorter_side } => shorter_side,
        }
    }
}

/// torchvision's `_compute_resized_output_size`: the longer side is rounded down.
fn with_shorter_side(picture: Size, shorter_side: u32) -> Size {
    let (short, long) = (picture.width.min(picture.height), picture.width.max(picture.height));
    let longer = u64::from(shorter_side) * u64::from(long) / u64::from(short);
    let longer = u32::try_from(longer).unwrap_or(u32::MAX);
    if picture.width <= picture.height {
        Size { width: shorter_side, height: longer }
    } else {
        Size { width: longer, height: shorter_side }
    }
}

/// The largest rectangle in the centre of `picture` with the aspect of `input`. Of a very long picture a side may be 0 in whole
/// numbers, which means its middle line.
fn of_aspect(picture: Size, input: Size, proportion: Proportion) -> Rectangle {
    let scaled = |side: u32, by: u32, to: u32| {
        let product = u64::from(side) * u64::from(by);
        let quotient = match proportion {
            Proportion::Whole => product / u64::from(to),
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the original's arithmetic"
            )]
            Proportion::Float => (product as f32 / to as f32) as u64,
        };
        let least = u32::from(proportion == Proportion::Float);
        u32::try_from(quotient).unwrap_or(u32::MAX).max(least)
    };
    let width = picture.width.min(scaled(picture.height, input.width, input.height));
    let height = picture.height.min(scaled(picture.width, input.height, input.width));
    let (left, top) = ((picture.width - width) / 2, (picture.height - height) / 2);
    Rectangle { left, top, size: Size { width, height } }
}

/// torchvision's `center_crop`: half of what is left, rounded as Python's `round` does, half to even.
fn centred(whole: u32, part: u32) -> u32 {
    let rest = whole.saturating_sub(part);
    let half = rest / 2;
    if rest % 2 == 1 && half % 2 == 1 { half + 1 } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: Size = Size { width: 224, height: 224 };

    fn crop(width: u32, height: u32) -> (u32, u32, u32, u32) {
        let window = Window::CentreCrop { shorter_side: 256 };
        let Placement { resized, left, top, .. } = window.place(Size { width, height }, INPUT, Proportion::Whole);
        (resized.width, resized.height, left, top)
    }

    /// The values are those that torchvision 0.24 computes.
    #[test]
    fn a_centre_crop_lies_where_torchvision_puts_it() {
        assert_eq!(crop(500, 375), (341, 256, 58, 16));
        assert_eq!(crop(375, 500), (256, 341, 16, 58));
        assert_eq!(crop(640, 427), (383, 256, 80, 16));
        assert_eq!(crop(100, 100), (256, 256, 16, 16));
        assert_eq!(crop(65_535, 1), (16_776_960, 256, 8_388_368, 16));
    }

    #[test]
    fn the_part_that_a_model_sees_is_in_fractions_of_the_picture() {
        let area = |window: Window, width, height| window.area(Size { width, height }, INPUT);
        assert_eq!(area(Window::Stretch, 500, 375), Area::WHOLE);
        let crop = area(Window::CentreCrop { shorter_side: 256 }, 1000, 1000);
        assert_eq!(crop, Area { left: 0.0625, top: 0.0625, width: 0.875, height: 0.875 });
        let crop = area(Window::CropToAspect, 400, 100);
        assert_eq!(crop, Area { left: 0.375, top: 0.0, width: 0.25, height: 1.0 });
    }

    /// The values are those of Keras 3.15: of `image_dataset_from_directory`, and of whole numbers.
    #[test]
    fn the_originals_of_a_crop_to_an_aspect_round_apart() {
        for (picture, input, float, whole) in [
            ((5215, 7640), (3991, 3991), (5215, 5214), (5215, 5215)),
            ((7170, 4665), (3597, 3421), (4904, 4665), (4905, 4665)),
            ((7562, 6647), (3841, 3962), (6444, 6647), (6443, 6647)),
            ((50, 1), (6, 8), (1, 1), (0, 1)),
        ] {
            let size = |(width, height)| Size { width, height };
            let crop = |proportion| of_aspect(size(picture), size(input), proportion).size;
            assert_eq!((crop(Proportion::Float), crop(Proportion::Whole)), (size(float), size(whole)), "{picture:?}");
        }
    }

    #[test]
    fn halves_are_rounded_to_even() {
        assert_eq!([224, 225, 226, 227, 229].map(|whole| centred(whole, 224)), [0, 0, 1, 2, 2]);
    }
}
