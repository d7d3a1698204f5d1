//! AVIF: pictures of AV1 in a HEIF container (AV1 Image File Format), as Pillow's libavif shows them.

use super::av1_mosaic::{Plan, plan, rows};
use super::container::{Coded, Transform};
use super::yuv::{Colours, Converter, Form, Planes};
use super::yuv_alpha::Alpha;
use crate::error::Error;
use crate::image::decode::limits::Source;
use crate::image::{CHANNELS, Orientation, Picture};
use crate::memory;

/// Bytes that a pixel of a row takes while it is converted, at most: samples, interpolated chroma and channels.
const ROW: u64 = 32;

/// The picture, without its opacity. A crop has no effect, as in Pillow.
pub(super) fn decode(source: &Source<'_>, coded: &Coded<'_>, pixels: &mut Vec<u8>) -> Result<Picture, Error> {
    let plan = plan(source, coded)?;
    let alpha = coded.alpha.as_deref().filter(|_| coded.premultiplied);
    let alpha = match alpha {
        Some(alpha) if alpha.canvas != coded.canvas => return Err(Error::DamagedImage),
        Some(alpha) => Some((alpha, self::plan(source, alpha)?)),
        None => None,
    };
    // The planes of the colours are given back before the opacity is decoded.
    let cost = alpha.as_ref().map_or(plan.cost, |(_, alpha)| alpha.cost.max(plan.cost));
    source.admit_beside(coded.canvas, cost.saturating_add(ROW * u64::from(coded.canvas.width)), pixels)?;
    let stride = coded.canvas.width as usize * CHANNELS;
    let mut converter = Converter::new(form(coded, &plan))?;
    let mut lines = pixels.chunks_exact_mut(stride);
    rows(coded, &plan, source.stop, |y, planes| converter.row(y, planes, lines.next().ok_or(Error::DamagedImage)?))?;
    if let Some((coded, plan)) = alpha {
        let (bits, full_range) = (plan.sequence.bits, plan.sequence.colours.full_range);
        let alpha = Alpha { bits, full_range, division: converter.division() };
        let mut samples = Vec::new();
        memory::zeros(&mut samples, coded.canvas.width as usize)?;
        let mut lines = pixels.chunks_exact_mut(stride);
        rows(coded, &plan, source.stop, |y, planes| {
            planes.read(0, y, &mut samples)?;
            alpha.divide(lines.next().ok_or(Error::DamagedImage)?, &samples);
            Ok(())
        })?;
    }
    Ok(Picture { size: coded.canvas, reduction: 1, orientation: orientation(&coded.transforms) })
}

fn form(coded: &Coded<'_>, plan: &Plan) -> Form {
    let stated = coded.properties.colour().map(|colour| Colours {
        primaries: colour.primaries,
        matrix: colour.matrix,
        full_range: colour.full_range,
    });
    Form {
        size: coded.canvas,
        layout: plan.sequence.layout,
        bits: plan.sequence.bits,
        // The container's statement comes before the stream's.
        colours: stated.unwrap_or(plan.sequence.colours),
        has_alpha: coded.alpha.is_some(),
    }
}

/// The turn and the mirror as an orientation. The turn comes first, whatever their order in the file (libavif's `avif.h`, and
/// `irot_imir_to_exif_orientation` in Pillow's `_avif.c`).
fn orientation(transforms: &[Transform]) -> Orientation {
    let turns = transforms.iter().find_map(|transform| match transform {
        Transform::Turn(turns) => Some(turns & 3),
        _ => None,
    });
    let mirror = transforms.iter().find(|transform| matches!(transform, Transform::MirrorX | Transform::MirrorY));
    let is_sideways = mirror == Some(&Transform::MirrorX);
    Orientation::from_exif(match (turns.unwrap_or(0), mirror.is_some(), is_sideways) {
        (1, false, _) => 8,
        (2, false, _) => 3,
        (3, false, _) => 6,
        (0, true, true) | (2, true, false) => 2,
        (0, true, false) | (2, true, true) => 4,
        (1, true, false) | (3, true, true) => 5,
        (1, true, true) | (3, true, false) => 7,
        _ => 1,
    })
}
