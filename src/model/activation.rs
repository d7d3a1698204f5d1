//! Class activation maps: where in a picture the evidence for a label lies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::image::Area;

/// The size of a model's maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapSize {
    /// Rows of a map.
    pub rows: usize,
    /// Columns of a map.
    pub columns: usize,
}

impl MapSize {
    /// Values of a map.
    pub const fn values(self) -> usize {
        self.rows * self.columns
    }
}

/// The class activation map of a label: where in the picture the model found evidence for it.
///
/// Zhou et al., "Learning Deep Features for Discriminative Localization" (2016): the model's last feature maps, weighted as its
/// last layer weights them for the label. It shows what the model looked at, and neither where an object ends nor whether the
/// label is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activation {
    /// Rows of the map. They divide the height of `window` equally.
    #[schema(minimum = 1, example = 2)]
    pub rows: usize,
    /// Columns of the map. They divide the width of `window` equally.
    #[schema(minimum = 1, example = 2)]
    pub columns: usize,
    /// The map row by row, from the upper left. 1 is the strongest evidence for this label in this picture, 0 is none or evidence
    /// against it. Maps of two labels have no common scale.
    #[schema(example = json!([0.0, 0.25, 0.125, 1.0]))]
    pub values: Vec<f32>,
    /// The part of the upright picture that the model saw.
    pub window: Area,
}

impl Activation {
    /// The map with these values, in any scale.
    pub(super) fn new(size: MapSize, values: &[f32], window: Area) -> Self {
        let most = values.iter().copied().fold(0.0, f32::max);
        // `max` makes 0 of NaN. Where nothing speaks for the label, all is 0.
        let scaled = |value: &f32| if most > 0.0 { (value.max(0.0) / most).min(1.0) } else { 0.0 };
        Self { rows: size.rows, columns: size.columns, values: values.iter().map(scaled).collect(), window }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_evidence_is_1_and_what_speaks_against_the_label_0() {
        let scaled = |values: &[f32]| Activation::new(MapSize { rows: 2, columns: 2 }, values, Area::WHOLE).values;
        assert_eq!(scaled(&[-1.0, 2.0, 8.0, 0.0]), [0.0, 0.25, 1.0, 0.0]);
        assert_eq!(scaled(&[-1.0, -2.0, 0.0, -4.0]), [0.0; 4]);
        assert_eq!(scaled(&[f32::NAN, 2.0, 4.0, 1.0]), [0.0, 0.5, 1.0, 0.25]);
    }
}
