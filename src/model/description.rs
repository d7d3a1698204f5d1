//! What a model file says of itself, in the `metadata_props` of its ONNX.
//!
//! `scripts/export_model.py` writes them; `models/README.md` lists them.

use ndarray::Array4;
use serde::de::DeserializeOwned;

use super::Labels;
use crate::error::StartError;

/// The form of the metadata that is read here.
const FORMAT: &str = "1";

/// A model's description of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The model's name, such as a paper or a library gives it.
    pub name: String,
    /// Which variant of it.
    pub version: String,
    /// Where its weights come from.
    pub source: String,
    /// SHA-256 of the file of its weights, in hexadecimal.
    pub weights_sha256: String,
    /// The licence of its weights (SPDX).
    pub licence: String,
    /// What it computes in: `float32`, or `int8`, which is faster and answers nearly the same.
    pub precision: String,
    /// The tensor that it reads.
    pub input: InputSpec,
    /// What its outputs stand for.
    pub labels: Labels,
}

/// The tensor that a model reads: one RGB picture, resized bicubically and scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The order of the axes.
    pub layout: Layout,
    /// What is subtracted from each channel of a pixel (0 to 255).
    pub mean: [f64; 3],
    /// What the difference is then divided by.
    pub std: [f64; 3],
}

/// The order of a tensor's axes: N for pictures, C for channels, H for rows, W for columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Planes of red, green and blue.
    Nchw,
    /// Triples of red, green and blue.
    Nhwc,
}

impl InputSpec {
    /// The tensor's shape, for one picture.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.layout {
            Layout::Nchw => [1, 3, height, width],
            Layout::Nhwc => [1, height, width, 3],
        }
    }

    /// A tensor of that shape, all zeros.
    pub fn tensor(&self) -> Array4<f32> {
        Array4::zeros(self.shape())
    }
}

impl Metadata {
    /// Reads the description through `get`, which gives the value of a key.
    ///
    /// # Errors
    /// A sentence that names the key which is missing or has a value that can't be used.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, StartError> {
        let fields = Fields(get);
        fields.only("glimpse.format", FORMAT)?;
        fields.only("glimpse.input_resize", "bicubic")?;
        fields.only("glimpse.output", "softmax")?;
        let labels: Vec<String> = fields.parsed("glimpse.labels", "a JSON array of strings")?;
        if labels.is_empty() {
            return Err(unusable("glimpse.labels", "", "at least one label"));
        }
        Ok(Self {
            name: fields.text("glimpse.name")?,
            version: fields.text("glimpse.version")?,
            source: fields.text("glimpse.source")?,
            weights_sha256: fields.text("glimpse.weights_sha256")?,
            licence: fields.text("glimpse.licence")?,
            precision: fields.text("glimpse.precision")?,
            input: fields.input()?,
            labels: labels.into_iter().collect(),
        })
    }
}

struct Fields<G>(G);

impl<G: Fn(&str) -> Option<String>> Fields<G> {
    fn text(&self, key: &str) -> Result<String, StartError> {
        (self.0)(key)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| StartError::new(format!("it does not describe itself: {key} is missing")))
    }

    fn only(&self, key: &str, known: &str) -> Result<(), StartError> {
        let value = self.text(key)?;
        if value == known { Ok(()) } else { Err(unusable(key, &value, known)) }
    }

    fn parsed<T: DeserializeOwned>(&self, key: &str, expected: &str) -> Result<T, StartError> {
        let value = self.text(key)?;
        serde_json::from_str(&value).map_err(|_| unusable(key, &value, expected))
    }

    fn input(&self) -> Result<InputSpec, StartError> {
        let key = "glimpse.input_layout";
        let layout = match self.text(key)?.as_str() {
            "NCHW" => Layout::Nchw,
            "NHWC" => Layout::Nhwc,
            other => return Err(unusable(key, other, "NCHW or NHWC")),
        };
        Ok(InputSpec {
            width: self.side("glimpse.input_width")?,
            height: self.side("glimpse.input_height")?,
            layout,
            mean: self.channels("glimpse.input_mean", f64::is_finite)?,
            std: self.channels("glimpse.input_std", |std| std.is_finite() && std > 0.0)?,
        })
    }

    fn side(&self, key: &str) -> Result<u32, StartError> {
        let expected = "a whole number from 1 to 4096";
        let side: u32 = self.parsed(key, expected)?;
        if (1..=4096).contains(&side) { Ok(side) } else { Err(unusable(key, &side.to_string(), expected)) }
    }

    fn channels(&self, key: &str, fits: impl Fn(f64) -> bool) -> Result<[f64; 3], StartError> {
        let expected = "a JSON array of three usable numbers";
        let values: [f64; 3] = self.parsed(key, expected)?;
        if values.into_iter().all(fits) { Ok(values) } else { Err(unusable(key, &format!("{values:?}"), expected)) }
    }
}

fn unusable(key: &str, value: &str, expected: &str) -> StartError {
    let short: String = value.chars().take(40).collect();
    StartError::new(format!("its {key} is \"{short}\", where {expected} is expected"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn complete() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            ("glimpse.format", "1"),
            ("glimpse.name", "Tiny"),
            ("glimpse.version", "2"),
            ("glimpse.source", "a test"),
            ("glimpse.weights_sha256", "00"),
            ("glimpse.licence", "CC0-1.0"),
            ("glimpse.precision", "float32"),
            ("glimpse.input_layout", "NHWC"),
            ("glimpse.input_width", "4"),
            ("glimpse.input_height", "5"),
            ("glimpse.input_resize", "bicubic"),
            ("glimpse.input_mean", "[1, 2, 3.5]"),
            ("glimpse.input_std", "[4, 5, 6]"),
            ("glimpse.output", "softmax"),
            ("glimpse.labels", "[\"ant\", \"bee\"]"),
        ])
    }

    fn read(fields: &BTreeMap<&str, &str>) -> Result<Metadata, StartError> {
        Metadata::read(|key| fields.get(key).map(ToString::to_string))
    }

    #[test]
    fn a_complete_description() {
        let metadata = read(&complete()).unwrap();
        assert_eq!((metadata.name.as_str(), metadata.precision.as_str()), ("Tiny", "float32"));
        assert_eq!(metadata.labels.len(), 2);
        assert_eq!(metadata.input.shape(), [1, 5, 4, 3]);
        assert_eq!((metadata.input.mean, metadata.input.std), ([1.0, 2.0, 3.5], [4.0, 5.0, 6.0]));
    }

    #[test]
    fn every_key_is_needed_and_named() {
        for key in complete().keys() {
            let mut fields = complete();
            fields.remove(key);
            assert_eq!(read(&fields), Err(StartError::new(format!("it does not describe itself: {key} is missing"))));
        }
    }

    #[test]
    fn values_that_can_not_be_used_are_named() {
        for (key, value) in [
            ("glimpse.format", "2"),
            ("glimpse.input_layout", "CHWN"),
            ("glimpse.input_width", "0"),
            ("glimpse.input_height", "100000"),
            ("glimpse.input_width", "wide"),
            ("glimpse.input_resize", "nearest"),
            ("glimpse.input_mean", "[1, 2]"),
            ("glimpse.input_std", "[1, 0, 1]"),
            ("glimpse.output", "logits"),
            ("glimpse.labels", "[]"),
            ("glimpse.labels", "ant, bee"),
        ] {
            let mut fields = complete();
            fields.insert(key, value);
            let sentence = read(&fields).unwrap_err().to_string();
            assert!(sentence.contains(key) && sentence.contains("expected"), "{sentence}");
        }
    }
}
