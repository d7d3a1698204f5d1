//! The JSON of a request, and the binary data behind it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::engine::json;
use crate::error::{Error, Malformed};
use crate::guard::Document;
use crate::memory;
use crate::protocol::oip::{Data, Datatype, Fault, InputTensor, Request, RequestedOutput};

/// Documents from this size on are large, in bytes.
const LARGE: usize = 1 << 20;

/// Bytes that the types below take for each byte of a document, at most: those of an empty tensor.
const AMPLIFICATION: usize = 8;

#[derive(Deserialize)]
struct Inference<'a> {
    id: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
    #[serde(borrow)]
    inputs: Vec<Tensor<'a>>,
    #[serde(default)]
    outputs: Option<Vec<Output>>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    binary_data_output: Option<bool>,
    /// In microseconds.
    timeout: Option<u64>,
}

#[derive(Deserialize)]
struct Tensor<'a> {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Option<TensorParameters>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct TensorParameters {
    binary_data_size: Option<usize>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Option<OutputParameters>,
}

#[derive(Default, Deserialize)]
struct OutputParameters {
    classification: Option<u64>,
    binary_data: Option<bool>,
}

/// The request in a body, whose first `header` bytes are JSON; all of them without a number.
///
/// # Errors
/// [`Fault::Invalid`]; [`Malformed::NotJson`], [`Error::OutOfMemory`].
pub(super) fn request(document: &Document, header: Option<usize>, limit: usize) -> Result<Request, Fault> {
    let body = document.bytes();
    let length = header.unwrap_or(body.len());
    if length > body.len() {
        return Err(Fault::invalid("Inference-Header-Content-Length is more than the body has"));
    }
    let (text, binary) = (body.slice(..length), body.slice(length..));
    let text = json::to_utf8(&text)?;
    let text = match text {
        Cow::Borrowed(text) => body.slice_ref(text),
        Cow::Owned(text) => document.part(text.into()),
    };
    if text.len() >= LARGE {
        memory::probe(text.len().saturating_mul(AMPLIFICATION))?;
    }
    let inference: Inference<'_> = serde_json::from_slice(&text).map_err(|error| {
        // The words of serde may hold the client's own, so that they are not passed on.
        if error.is_data() {
            Fault::invalid(format!("The request does not fit the protocol: {}", reason(&error)))
        } else {
            Error::from(Malformed::NotJson { column: error.column() }).into()
        }
    })?;
    let parameters = inference.parameters.unwrap_or_default();
    Ok(Request {
        id: inference.id.unwrap_or_default(),
        inputs: Inputs { document: &document.of(text.clone()), rest: binary, limit }.read(inference.inputs)?,
        outputs: inference.outputs.unwrap_or_default().into_iter().map(output).collect(),
        binary_output: parameters.binary_data_output.unwrap_or_default(),
        timeout: parameters.timeout.filter(|timeout| *timeout > 0).map(Duration::from_micros),
    })
}

/// The reason of an error, without the place in the document and without the client's own words.
fn reason(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    let field = |name: &str| text.contains(&format!("missing field `{name}`"));
    match () {
        () if field("inputs") => "inputs is missing",
        () if field("name") => "name is missing",
        () if field("shape") => "shape is missing",
        () if field("datatype") => "datatype is missing",
        () => "a value has another type",
    }
}

fn output(output: Output) -> RequestedOutput {
    let parameters = output.parameters.unwrap_or_default();
    RequestedOutput { name: output.name, classification: parameters.classification, binary: parameters.binary_data }
}

/// The input tensors of a document.
struct Inputs<'d> {
    document: &'d Document,
    /// The binary data that no tensor has taken yet.
    rest: Bytes,
    limit: usize,
}

impl Inputs<'_> {
    fn read(mut self, tensors: Vec<Tensor<'_>>) -> Result<Vec<InputTensor>, Fault> {
        let is_only = tensors.len() == 1;
        let inputs = tensors.into_iter().map(|tensor| self.tensor(tensor, is_only)).collect::<Result<_, _>>()?;
        if self.rest.is_empty() {
            Ok(inputs)
        } else {
            Err(Fault::invalid("The body has more binary data than its tensors"))
        }
    }

    fn tensor(&mut self, tensor: Tensor<'_>, is_only: bool) -> Result<InputTensor, Fault> {
        let Tensor { name, shape, datatype, parameters, data } = tensor;
        let datatype = Datatype::named(&datatype)?;
        let size = parameters.unwrap_or_default().binary_data_size;
        // Of one tensor, the size may be left out.
        let size = size.or((is_only && data.is_none() && !self.rest.is_empty()).then_some(self.rest.len()));
        let data = match (size, data) {
            (Some(_), Some(_)) => return Err(Fault::invalid("A tensor has either data or binary_data_size")),
            (None, None) => return Err(Fault::invalid("A tensor must have data or binary_data_size")),
            (Some(size), None) if size <= self.rest.len() => Data::Binary(self.rest.split_to(size)),
            (Some(_), None) => return Err(Fault::invalid("binary_data_size is more than the body has")),
            (None, Some(data)) => self.values(datatype, data.get())?,
        };
        Ok(InputTensor { name: Some(name), datatype, shape, data })
    }

    fn values(&self, datatype: Datatype, data: &str) -> Result<Data, Fault> {
        match datatype {
            Datatype::Bytes => {
                let (mut texts, limit) = (Vec::new(), self.limit);
                let mut push = |text: Cow<'_, str>| {
                    if texts.len() == limit {
                        return Err(Error::TooManyInputs { limit });
                    }
                    texts.push(self.document.text(text));
                    Ok(())
                };
                flatten(data, Kind::Texts(&mut push))?;
                Ok(Data::Base64(texts))
            }
            Datatype::Fp32 => {
                let mut values = Vec::new();
                let mut push = |value| {
                    memory::grow(&mut values, 1)?;
                    values.push(value);
                    Ok(())
                };
                flatten(data, Kind::Numbers(&mut push))?;
                Ok(Data::Floats(values))
            }
        }
    }
}

/// Values in nested lists, row by row, and what is done with each.
enum Kind<'k> {
    Texts(&'k mut dyn FnMut(Cow<'_, str>) -> Result<(), Error>),
    Numbers(&'k mut dyn FnMut(f32) -> Result<(), Error>),
}

fn flatten(data: &str, kind: Kind<'_>) -> Result<(), Fault> {
    let expected = match kind {
        Kind::Texts(_) => "The data of a BYTES tensor must be a list of base64 texts",
        Kind::Numbers(_) => "The data of an FP32 tensor must be a list of numbers",
    };
    json::probe_for_unescaping(data.as_bytes())?;
    let (kind, failure) = (RefCell::new(kind), RefCell::new(None));
    let values = Values { kind: &kind, failure: &failure };
    let mut deserializer = serde_json::Deserializer::from_str(data);
    match values.deserialize(&mut deserializer) {
        Ok(()) => Ok(()),
        Err(_) => Err(failure.into_inner().map_or_else(|| Fault::invalid(expected), Fault::from)),
    }
}

/// A value or a list of values. The depth is limited by `serde_json`.
#[derive(Clone, Copy)]
struct Values<'k, 'v> {
    kind: &'v RefCell<Kind<'k>>,
    failure: &'v RefCell<Option<Error>>,
}

impl Values<'_, '_> {
    fn done<E: serde::de::Error>(self, result: Result<(), Error>) -> Result<(), E> {
        result.map_err(|error| {
            *self.failure.borrow_mut() = Some(error);
            E::custom("refused")
        })
    }

    fn text<E: serde::de::Error>(self, text: Cow<'_, str>) -> Result<(), E> {
        match &mut *self.kind.borrow_mut() {
            Kind::Texts(push) => self.done(push(text)),
            Kind::Numbers(_) => Err(E::custom("a text")),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the tensor has 32 bits; what does not fit is infinite, and refused"
    )]
    fn number<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        match &mut *self.kind.borrow_mut() {
            Kind::Numbers(push) => self.done(push(number as f32)),
            Kind::Texts(_) => Err(E::custom("a number")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Values<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("values")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<(), E> {
        self.text(Cow::Borrowed(text))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.text(Cow::Owned(text.to_owned()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.number(number)
    }

    #[expect(clippy::cast_precision_loss, reason = "the tensor has 32 bits")]
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.number(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "the tensor has 32 bits")]
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.number(number as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }
}
