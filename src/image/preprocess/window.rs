//! The part of a picture that a model sees.

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
}

/// A resize of the whole picture, of which only the input's rectangle is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// The size of the whole picture after the resize.
    pub(super) resized: Size,
    /// The column of it with which the input begins.
    pub(super) left: u32,
    /// The row of it with which the input begins.
    pub(super) top: u32,
}

impl Window {
    /// Where the input lies in the resized form of a picture of the size `picture`, which is upright.
    pub(super) fn place(self, picture: Size, input: Size) -> Placement {
        match self {
            Self::Stretch => Placement { resized: input, left: 0, top: 0 },
            Self::CentreCrop { shorter_side } => {
                let resized = with_shorter_side(picture, shorter_side);
                let (left, top) = (centred(resized.width, input.width), centred(resized.height, input.height));
                Placement { resized, left, top }
            }
        }
    }

    /// Pixels that the shorter side of a picture is resized to, at most.
    pub(super) fn shorter_side(self, input: Size) -> u32 {
        match self {
            Self::Stretch => input.width.max(input.height),
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
        let Placement { resized, left, top } = window.place(Size { width, height }, INPUT);
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
    fn halves_are_rounded_to_even() {
        assert_eq!([224, 225, 226, 227, 229].map(|whole| centred(whole, 224)), [0, 0, 1, 2, 2]);
    }
}
