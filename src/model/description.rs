//! A model file's description of itself: the `metadata_props` of its ONNX.
//!
//! `scripts/export_model.py` writes them; `models/README.md` lists them.

use std::fmt::Write;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Labels, MapSize};
use crate::error::StartError;
use crate::image::{Colours, Filter, Interpolation, Layout, Preprocess, Resample, Window};

/// The version of the description that is read here.
const FORMAT: &str = "1";

/// The names of the ways to resize.
const RESAMPLES: [(&str, Resample); 9] = [
    ("nearest", Resample::Pillow(Filter::Nearest)),
    ("box", Resample::Pillow(Filter::Box)),
    ("bilinear", Resample::Pillow(Filter::Bilinear)),
    ("hamming", Resample::Pillow(Filter::Hamming)),
    ("bicubic", Resample::Pillow(Filter::Bicubic)),
    ("lanczos", Resample::Pillow(Filter::Lanczos)),
    ("tensorflow-nearest", Resample::TensorFlow(Interpolation::Nearest)),
    ("tensorflow-bilinear", Resample::TensorFlow(Interpolation::Bilinear)),
    ("tensorflow-bicubic", Resample::TensorFlow(Interpolation::Bicubic)),
];

/// A model's description of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The model's name, as its paper or library writes it.
    pub name: String,
    /// The variant of it.
    pub version: String,
    /// The origin of its weights.
    pub source: String,
    /// SHA-256 of the file of its weights, in hexadecimal.
    pub weights_sha256: String,
    /// The licence of its weights (SPDX).
    pub licence: String,
    /// The numbers that it computes with: `float32`, or `int8`, which is faster and answers nearly the same.
    pub precision: String,
    /// The tensor that it reads, and how a picture becomes one.
    pub input: Preprocess,
    /// The meaning of its outputs, in their order. Two may be equal: `ImageNet` has two classes `crane`.
    pub labels: Labels,
    /// What its outputs say together.
    pub output: Outputs,
    /// The size of its class activation maps, if it has them.
    pub activation: Option<MapSize>,
}

/// Hexadecimal digits of a revision.
const REVISION_DIGITS: usize = 16;

/// What the outputs of a model say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outputs {
    /// One of the labels is right: the outputs are probabilities whose sum is 1.
    Softmax,
    /// A multi-label model: any number of the labels may be right, and each output is a probability of its own.
    Sigmoid {
        /// The confidence from which on a label belongs to the answer: over 0, up to 1.
        threshold: f32,
    },
}

impl Metadata {
    /// Reads the description through `get`, which returns the value of a key.
    ///
    /// # Errors
    /// A sentence that names the key which is missing or has a value that can't be used.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, StartError> {
        let fields = Fields(get);
        fields.only("glimpse.format", FORMAT)?;
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
            output: fields.output()?,
            activation: fields.activation()?,
        })
    }

    /// A short text that is another one for another model: a hash of the description, which has that of the weights.
    pub fn revision(&self) -> String {
        let hash = Sha256::digest(format!("{self:?}"));
        let digits = hash.iter().take(REVISION_DIGITS / 2);
        digits.fold(String::new(), |mut text, byte| {
            // Writing to a text does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A model of these labels, as little as can be.
    #[cfg(test)]
    pub(crate) fn of_labels(labels: &[&'static str]) -> Self {
        let text = String::new;
        Self {
            name: "tiny".into(),
            version: text(),
            source: text(),
            weights_sha256: text(),
            licence: text(),
            precision: text(),
            input: Preprocess::of_size(2, 1),
            labels: labels.iter().copied().collect(),
            output: Outputs::Softmax,
            activation: None,
        }
    }
}

/// The properties of a file, by their keys.
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

    /// The value of `key` in a list of names; the first of them where the key may be missing and is.
    fn one_of<T: Copy>(&self, key: &str, names: &[(&str, T)], may_be_missing: bool) -> Result<T, StartError> {
        if may_be_missing && (self.0)(key).is_none() {
            return Ok(names[0].1);
        }
        let value = self.text(key)?;
        let known = names.iter().find(|(name, _)| *name == value);
        let expected = || names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
        known.map(|(_, known)| *known).ok_or_else(|| unusable(key, &value, &expected()))
    }

    fn output(&self) -> Result<Outputs, StartError> {
        if !self.one_of("glimpse.output", &[("softmax", false), ("sigmoid", true)], false)? {
            return Ok(Outputs::Softmax);
        }
        let (key, expected) = ("glimpse.output_threshold", "a number over 0 and up to 1");
        let threshold: f32 = self.parsed(key, expected)?;
        if threshold > 0.0 && threshold <= 1.0 {
            Ok(Outputs::Sigmoid { threshold })
        } else {
            Err(unusable(key, &threshold.to_string(), expected))
        }
    }

    fn activation(&self) -> Result<Option<MapSize>, StartError> {
        let (rows, columns) = ("glimpse.activation_rows", "glimpse.activation_columns");
        if (self.0)(rows).is_none() && (self.0)(columns).is_none() {
            return Ok(None);
        }
        Ok(Some(MapSize { rows: self.side(rows)? as usize, columns: self.side(columns)? as usize }))
    }

    fn input(&self) -> Result<Preprocess, StartError> {
        let (width, height) = (self.side("glimpse.input_width")?, self.side("glimpse.input_height")?);
        let layouts = [("NCHW", Layout::Nchw), ("NHWC", Layout::Nhwc)];
        let colours = [("RGB", Colours::Rgb), ("BGR", Colours::Bgr), ("GRAY", Colours::Gray)];
        let colours = self.one_of("glimpse.input_colours", &colours, true)?;
        Ok(Preprocess {
            width,
            height,
            window: self.window(width.max(height))?,
            resample: self.one_of("glimpse.input_resize", &RESAMPLES, false)?,
            colours,
            layout: self.one_of("glimpse.input_layout", &layouts, false)?,
            mean: self.channels("glimpse.input_mean", colours, f64::is_finite)?,
            std: self.channels("glimpse.input_std", colours, |std| std.is_finite() && std > 0.0)?,
        })
    }

    /// `longest` is the longer side of the input, which a centre crop must hold.
    fn window(&self, longest: u32) -> Result<Window, StartError> {
        let windows =
            [("stretch", Some(Window::Stretch)), ("centre-crop", None), ("crop-to-aspect", Some(Window::CropToAspect))];
        if let Some(window) = self.one_of("glimpse.input_window", &windows, true)? {
            return Ok(window);
        }
        let key = "glimpse.input_shorter_side";
        let shorter_side = self.side(key)?;
        if shorter_side < longest {
            return Err(unusable(key, &shorter_side.to_string(), &format!("{longest} or more, a side of the input,")));
        }
        Ok(Window::CentreCrop { shorter_side })
    }

    fn side(&self, key: &str) -> Result<u32, StartError> {
        let expected = "a whole number from 1 to 4096";
        let side: u32 = self.parsed(key, expected)?;
        if (1..=4096).contains(&side) { Ok(side) } else { Err(unusable(key, &side.to_string(), expected)) }
    }

    fn channels(&self, key: &str, colours: Colours, fits: impl Fn(f64) -> bool) -> Result<[f64; 3], StartError> {
        let count = colours.channels();
        let expected = format!("a JSON array of usable numbers ({count}, one for each channel)");
        let values: Vec<f64> = self.parsed(key, &expected)?;
        if values.len() != count || !values.iter().copied().all(fits) {
            return Err(unusable(key, &format!("{values:?}"), &expected));
        }
        // The channels that there are not have the first one's.
        Ok(std::array::from_fn(|channel| values[channel % count]))
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
    fn what_comes_before_the_network_is_data() {
        let plain = read(&complete()).unwrap().input;
        assert_eq!((plain.window, plain.resample, plain.colours), Default::default());
        let mut fields = complete();
        fields.extend([
            ("glimpse.input_resize", "bilinear"),
            ("glimpse.input_colours", "BGR"),
            ("glimpse.input_window", "centre-crop"),
            ("glimpse.input_shorter_side", "5"),
        ]);
        let input = read(&fields).unwrap().input;
        let window = Window::CentreCrop { shorter_side: 5 };
        assert_eq!((input.window, input.colours), (window, Colours::Bgr));
        assert_eq!(input.resample, Resample::Pillow(Filter::Bilinear));
        for side in ["4", "0", "5000", "wide"] {
            fields.insert("glimpse.input_shorter_side", side);
            let sentence = read(&fields).unwrap_err().to_string();
            assert!(sentence.contains("glimpse.input_shorter_side is"), "{sentence}");
        }
        fields.remove("glimpse.input_shorter_side");
        assert!(read(&fields).unwrap_err().to_string().contains("glimpse.input_shorter_side is missing"));
    }

    #[test]
    fn a_picture_may_be_gray_and_a_pixel_picked() {
        let mut fields = complete();
        fields.extend([
            ("glimpse.input_resize", "tensorflow-bilinear"),
            ("glimpse.input_window", "crop-to-aspect"),
            ("glimpse.input_colours", "GRAY"),
            ("glimpse.input_mean", "[1]"),
            ("glimpse.input_std", "[2]"),
        ]);
        let input = read(&fields).unwrap().input;
        assert_eq!((input.window, input.detail()), (Window::CropToAspect, None));
        assert_eq!((input.shape(), input.values()), ([1, 5, 4, 1], 20));
        assert_eq!((input.mean[0], input.std[0]), (1.0, 2.0));
        fields.insert("glimpse.input_mean", "[1, 2, 3]");
        assert!(read(&fields).unwrap_err().to_string().contains("glimpse.input_mean is"));
    }

    #[test]
    fn a_multi_label_model_has_a_threshold() {
        assert_eq!(read(&complete()).unwrap().output, Outputs::Softmax);
        let mut fields = complete();
        fields.insert("glimpse.output", "sigmoid");
        assert!(read(&fields).unwrap_err().to_string().contains("glimpse.output_threshold is missing"));
        for threshold in ["0", "1.5", "NaN", "half"] {
            fields.insert("glimpse.output_threshold", threshold);
            assert!(read(&fields).unwrap_err().to_string().contains("glimpse.output_threshold is"), "{threshold}");
        }
        fields.insert("glimpse.output_threshold", "0.5");
        assert_eq!(read(&fields).unwrap().output, Outputs::Sigmoid { threshold: 0.5 });
    }

    #[test]
    fn a_model_may_have_maps() {
        let mut fields = complete();
        assert_eq!(read(&fields).unwrap().activation, None);
        fields.insert("glimpse.activation_rows", "7");
        assert!(read(&fields).unwrap_err().to_string().contains("glimpse.activation_columns is missing"));
        fields.insert("glimpse.activation_columns", "0");
        assert!(read(&fields).unwrap_err().to_string().contains("glimpse.activation_columns is"));
        fields.insert("glimpse.activation_columns", "8");
        assert_eq!(read(&fields).unwrap().activation, Some(MapSize { rows: 7, columns: 8 }));
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
            ("glimpse.input_resize", "area"),
            ("glimpse.input_window", "pad"),
            ("glimpse.input_colours", "CMYK"),
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
