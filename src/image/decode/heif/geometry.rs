//! What the transforms of a HEIF picture make of it: the part that is shown, and the turn that makes it upright.

use super::container::{Aperture, Transform};
use crate::error::Error;
use crate::image::{Orientation, Size};

/// The part of a stored picture that is shown, and its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Columns before the part.
    pub(super) left: u32,
    /// Rows before the part.
    pub(super) top: u32,
    /// The size of the part, which is not yet turned.
    pub(super) size: Size,
    /// The turn.
    pub(super) orientation: Orientation,
}

impl View {
    /// The view of a picture of the size `canvas` after `transforms`, in their order.
    ///
    /// # Errors
    /// [`Error::DamagedImage`] for an aperture that is empty or no number.
    pub(super) fn of(canvas: Size, transforms: &[Transform]) -> Result<Self, Error> {
        let whole = Self { left: 0, top: 0, size: canvas, orientation: Orientation::UPRIGHT };
        transforms.iter().try_fold(whole, Self::after)
    }

    /// The view before the first transform that parts pixels which share their chroma, if there is one. `shifts` are those of
    /// a column and of a row to their chroma. libheif then interpolates the chroma (pixelimage.cc: `rotate_ccw`,
    /// `mirror_inplace`, `crop`).
    ///
    /// # Errors
    /// Those of [`of`](Self::of).
    pub(super) fn before_parting(
        canvas: Size,
        transforms: &[Transform],
        shifts: (usize, usize),
    ) -> Result<Option<Self>, Error> {
        let mut view = Self::of(canvas, &[])?;
        for transform in transforms {
            if view.is_parted_by(transform, shifts)? {
                return Ok(Some(view));
            }
            view = view.after(transform)?;
        }
        Ok(None)
    }

    #[expect(clippy::match_same_arms, reason = "the first arm that matches decides")]
    fn is_parted_by(&self, transform: &Transform, shifts: (usize, usize)) -> Result<bool, Error> {
        let Size { width, height } = self.size.turned(self.orientation);
        let (odd_width, odd_height) = (width % 2 == 1, height % 2 == 1);
        Ok(match (shifts, transform) {
            ((0, _), _) => false,
            ((_, 0), Transform::Turn(1 | 3)) => true,
            ((_, 0), Transform::Turn(2)) | (_, Transform::Turn(3)) => odd_height,
            ((_, 0), Transform::MirrorX) | (_, Transform::Turn(1)) => odd_width,
            ((_, 0), Transform::MirrorY) => false,
            (_, Transform::Turn(2) | Transform::MirrorX | Transform::MirrorY) => odd_width || odd_height,
            (_, Transform::Turn(_)) => false,
            ((_, rows), Transform::Crop(aperture)) => {
                let (left, _) = side(width, aperture.width, aperture.left)?;
                let (top, _) = side(height, aperture.height, aperture.top)?;
                left % 2 == 1 || (rows == 1 && top % 2 == 1)
            }
        })
    }

    fn after(mut self, transform: &Transform) -> Result<Self, Error> {
        let turn = &mut self.orientation;
        match transform {
            Transform::Turn(quarters) => (0..*quarters).for_each(|_| *turn = quarter(*turn)),
            Transform::MirrorX => turn.mirror_x = !turn.mirror_x,
            Transform::MirrorY => turn.mirror_y = !turn.mirror_y,
            Transform::Crop(aperture) => return self.cropped(aperture),
        }
        Ok(self)
    }

    fn cropped(mut self, aperture: &Aperture) -> Result<Self, Error> {
        let turn = self.orientation;
        let upright = self.size.turned(turn);
        let (left, width) = side(upright.width, aperture.width, aperture.left)?;
        let (top, height) = side(upright.height, aperture.height, aperture.top)?;
        let from_left = if turn.mirror_x { upright.width - left - width } else { left };
        let from_top = if turn.mirror_y { upright.height - top - height } else { top };
        let (columns, rows) = if turn.transpose { (from_top, from_left) } else { (from_left, from_top) };
        self.left += columns;
        self.top += rows;
        self.size = Size { width, height }.turned(turn);
        Ok(self)
    }
}

/// A quarter counter-clockwise after `turn`: the new x axis is the old y axis, and the new y axis the old x axis reversed.
const fn quarter(turn: Orientation) -> Orientation {
    Orientation { transpose: !turn.transpose, mirror_x: turn.mirror_y, mirror_y: !turn.mirror_x }
}

/// Where an aperture begins on a side of `whole` pixels, and its pixels there. Fractions are rounded as libheif does
/// (`Box_clap` in box.cc): the beginning down, the length to the nearest; what passes an edge is cut off.
fn side(whole: u32, length: (u32, u32), offset: (i32, u32)) -> Result<(u32, u32), Error> {
    let (length, of_length) = (i128::from(length.0), i128::from(length.1));
    let (offset, of_offset) = (i128::from(offset.0), i128::from(offset.1));
    if of_length == 0 || of_offset == 0 {
        return Err(Error::DamagedImage);
    }
    // offset + whole / 2 - length / 2, over one denominator.
    let above = 2 * of_length * offset + i128::from(whole) * of_offset * of_length - length * of_offset;
    let begin = above.div_euclid(2 * of_length * of_offset);
    let end = begin + (2 * length + of_length).div_euclid(2 * of_length);
    let (begin, end) = (begin.max(0), end.min(i128::from(whole)));
    match (u32::try_from(begin), u32::try_from(end - begin)) {
        (Ok(begin), Ok(pixels)) if pixels > 0 => Ok((begin, pixels)),
        _ => Err(Error::DamagedImage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Size = Size { width: 100, height: 60 };

    fn view(transforms: &[Transform]) -> View {
        View::of(CANVAS, transforms).unwrap()
    }

    fn crop(width: u32, height: u32, left: i32, top: i32) -> Transform {
        Transform::Crop(Aperture { width: (width, 1), height: (height, 1), left: (left, 1), top: (top, 1) })
    }

    #[test]
    fn turns_and_mirrors_are_exifs_orientations() {
        for (transforms, exif) in [
            (&[][..], 1),
            (&[Transform::MirrorX], 2),
            (&[Transform::Turn(2)], 3),
            (&[Transform::MirrorY], 4),
            (&[Transform::Turn(1), Transform::MirrorY], 5),
            (&[Transform::Turn(3)], 6),
            (&[Transform::Turn(1), Transform::MirrorX], 7),
            (&[Transform::Turn(1)], 8),
        ] {
            assert_eq!(view(transforms).orientation, Orientation::from_exif(exif), "{exif}");
        }
        assert_eq!(view(&[Transform::MirrorX, Transform::Turn(1)]).orientation, Orientation::from_exif(5));
        assert_eq!(view(&[Transform::Turn(3), Transform::Turn(1)]), view(&[]));
    }

    #[test]
    fn an_aperture_is_cut_from_what_is_seen() {
        let part = |transforms: &[Transform]| {
            let View { left, top, size, .. } = view(transforms);
            (left, top, size.width, size.height)
        };
        assert_eq!(part(&[crop(20, 10, 0, 0)]), (40, 25, 20, 10));
        assert_eq!(part(&[crop(20, 10, -40, 25)]), (0, 50, 20, 10));
        assert_eq!(part(&[crop(20, 10, -45, 0)]), (0, 25, 15, 10));
        assert_eq!(part(&[Transform::MirrorX, crop(20, 10, -40, 0)]), (80, 25, 20, 10));
        // Upright, the picture has 60 x 100 pixels, and its first column is the last stored row or the first.
        assert_eq!(part(&[Transform::Turn(3), crop(10, 20, -25, -40)]), (0, 50, 20, 10));
        assert_eq!(part(&[Transform::Turn(1), crop(10, 20, -25, -40)]), (80, 0, 20, 10));
        assert_eq!(part(&[crop(50, 30, 0, 0), crop(10, 10, 0, 0)]), (45, 25, 10, 10));
    }

    #[test]
    fn an_aperture_of_nothing_is_damaged() {
        let with = |width, left| {
            let aperture = Aperture { width, height: (10, 1), left, top: (0, 1) };
            View::of(CANVAS, &[Transform::Crop(aperture)]).map(|view| (view.left, view.size.width))
        };
        assert_eq!(with((21, 2), (1, 3)), Ok((45, 11)));
        for (width, left) in
            [((0, 1), (0, 1)), ((10, 0), (0, 1)), ((10, 1), (0, 0)), ((10, 1), (500, 1)), ((10, 1), (-500, 1))]
        {
            assert_eq!(with(width, left), Err(Error::DamagedImage));
        }
        assert_eq!(with((u32::MAX, 1), (i32::MIN, 1)), Ok((0, 49)));
        assert_eq!(with((u32::MAX, 1), (0, u32::MAX)), Ok((0, 100)));
    }
}
