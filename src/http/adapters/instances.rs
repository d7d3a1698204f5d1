//! The pictures in a body of TensorFlow Serving's REST API: a list of instances, or one input by its columns. An instance is
//! base64 text, `{"b64": "..."}`, or one of both under the name of an input.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::config::MOST_PICTURES;
use crate::engine::{Input, Payload, json};
use crate::error::{Error, Malformed};
use crate::guard::Document;
use crate::protocol::oip::Fault;

/// A request.
#[derive(Debug)]
pub(super) struct Asked {
    /// The pictures.
    pub(super) inputs: Vec<Input>,
    /// The request has one input by its columns, and so has its answer.
    pub(super) is_columnar: bool,
    /// The number of labels.
    pub(super) top_k: Option<usize>,
    /// The least confidence.
    pub(super) min_confidence: Option<f32>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    instances: Option<Pictures<'a>>,
    #[serde(borrow, default)]
    inputs: Option<Pictures<'a>>,
    /// Vertex AI's.
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    top_k: Option<usize>,
    min_confidence: Option<f32>,
}

/// The base64 texts in a value, in order.
struct Pictures<'a>(Vec<Cow<'a, str>>);

/// The request in a body, with `limit` pictures at most.
///
/// # Errors
/// [`Fault::Invalid`]; [`Malformed::NotJson`], [`Malformed::NoPicture`], [`Error::TooManyInputs`], [`Error::OutOfMemory`].
pub(super) fn read(body: &Document, limit: usize) -> Result<Asked, Fault> {
    let text = body.of(body.part(json::to_utf8(body.bytes())?));
    json::probe_for_unescaping(text.bytes())?;
    let body: Body<'_> = serde_json::from_slice(text.bytes()).map_err(|error| {
        if error.is_data() {
            Fault::invalid("The request must have instances: a list of {\"b64\": \"...\"}")
        } else {
            Error::from(Malformed::NotJson { column: error.column() }).into()
        }
    })?;
    let is_columnar = body.instances.is_none();
    let Some(Pictures(pictures)) = body.instances.or(body.inputs) else {
        return Err(Fault::invalid("The request must have instances: a list of {\"b64\": \"...\"}"));
    };
    match pictures.len() {
        0 => return Err(Error::from(Malformed::NoPicture).into()),
        count if count > limit => return Err(Error::TooManyInputs { limit }.into()),
        _ => {}
    }
    let inputs = pictures.into_iter().map(|picture| Payload::base64(text.text(picture)).into()).collect();
    let Parameters { top_k, min_confidence } = body.parameters.unwrap_or_default();
    Ok(Asked { inputs, is_columnar, top_k, min_confidence })
}

impl<'de: 'a, 'a> Deserialize<'de> for Pictures<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyPictures)
    }
}

struct AnyPictures;

impl<'de> Visitor<'de> for AnyPictures {
    type Value = Pictures<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("pictures")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Pictures<'de>, E> {
        Ok(Pictures(vec![Cow::Borrowed(text)]))
    }

    fn visit_str<E>(self, text: &str) -> Result<Pictures<'de>, E> {
        Ok(Pictures(vec![Cow::Owned(text.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pictures<'de>, A::Error> {
        let mut all = Vec::new();
        while all.len() <= MOST_PICTURES {
            let Some(Pictures(pictures)) = list.next_element()? else { return Ok(Pictures(all)) };
            all.extend(pictures);
        }
        // They are too many for any limit, and are not kept.
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Pictures(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pictures<'de>, A::Error> {
        let Some((_, pictures)) = map.next_entry::<IgnoredAny, Pictures<'de>>()? else {
            return Err(A::Error::custom("an object without a picture"));
        };
        // A model with one input has one name.
        if map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            Err(A::Error::custom("several inputs"))
        } else {
            Ok(pictures)
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::guard::Budget;

    fn asked(body: &str) -> Result<Asked, Fault> {
        read(&Document::new(Bytes::from(body.to_owned()), Budget::new(1000).account()), 2)
    }

    #[test]
    fn pictures_in_every_form() {
        let expected: Vec<Input> = ["YQ==", "Yg=="].map(|text| Payload::base64(text.into()).into()).to_vec();
        for (body, is_columnar) in [
            (r#"{"instances": [{"b64": "YQ=="}, {"b64": "Yg=="}]}"#, false),
            (r#"{"instances": [{"image_bytes": {"b64": "YQ=="}}, {"image_bytes": {"b64": "Yg=="}}]}"#, false),
            (r#"{"signature_name": "x", "instances": ["YQ==", "Yg=="]}"#, false),
            (r#"{"inputs": [{"b64": "YQ=="}, {"b64": "Yg=="}]}"#, true),
            (r#"{"inputs": {"image": [{"b64": "YQ=="}, {"b64": "Yg=="}]}}"#, true),
        ] {
            let asked = asked(body).unwrap();
            assert_eq!((asked.inputs, asked.is_columnar), (expected.clone(), is_columnar), "{body}");
        }
        assert_eq!(asked(r#"{"inputs": {"b64": "YQ=="}}"#).unwrap().inputs, expected[..1]);
        let chosen =
            asked(r#"{"instances": ["YQ=="], "parameters": {"top_k": 5, "min_confidence": 0.5, "x": 1}}"#).unwrap();
        assert_eq!((chosen.top_k, chosen.min_confidence), (Some(5), Some(0.5)));
    }

    #[test]
    fn what_has_no_pictures_is_refused() {
        for body in [
            "{}",
            "[]",
            r#"{"instances": 1}"#,
            r#"{"instances": [1]}"#,
            r#"{"instances": [{}]}"#,
            r#"{"instances": [{"a": "", "b": ""}]}"#,
        ] {
            assert!(matches!(asked(body), Err(Fault::Invalid(_))), "{body}");
        }
        assert_eq!(asked(r#"{"instances": []}"#).unwrap_err(), Error::from(Malformed::NoPicture).into());
        assert_eq!(asked(r#"{"instances": ["", "", ""]}"#).unwrap_err(), Error::TooManyInputs { limit: 2 }.into());
        let many = format!(r#"{{"instances": [[{}""]]}}"#, r#""","#.repeat(100_000));
        assert_eq!(asked(&many).unwrap_err(), Error::TooManyInputs { limit: 2 }.into());
        let deep = format!(r#"{{"instances": {}"#, "[".repeat(100_000));
        assert!(matches!(asked(&deep), Err(Fault::Core { .. })));
    }
}
