//! The Open Inference Protocol, version 2, apart from its two transports: what a request asks of the engine, and what it is
//! answered.
//!
//! The model has one input and one output. Pictures are elements of the datatype `BYTES`; a tensor of `FP32` is the model's own
//! input, already scaled. Triton's extensions are followed for binary data and for classification.

mod contents;
pub mod describe;
mod tensor;

use std::time::Duration;

use bytes::Bytes;

use crate::engine::{Analysis, Input, Output, Terms};
use crate::error::Error;
use crate::model::names::Form;
use crate::model::{Metadata, Prediction};

pub use contents::{elements, floats, prefixed};
pub use tensor::{Data, Datatype, InputTensor};

/// The name of the input that takes pictures.
pub const PICTURE_INPUT: &str = "image";
/// The name of the input that takes the tensor.
pub const TENSOR_INPUT: &str = "input";
/// The name of the output.
pub const OUTPUT: &str = "probabilities";

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The request contradicts the protocol or the model.
    #[error("{0}")]
    Invalid(String),
    /// An error of the core; its place in the request, if that has several inputs.
    #[error("{}", .error)]
    Core {
        /// The error.
        error: Error,
        /// The place of the picture or tensor, from 0.
        index: Option<usize>,
    },
}

impl Fault {
    /// A request that contradicts the protocol or the model.
    pub fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Core { error, index: None }
    }
}

/// A request for an inference.
#[derive(Debug, Default)]
pub struct Request {
    /// The request's id, which its answer repeats; may be empty.
    pub id: String,
    /// The input tensors.
    pub inputs: Vec<InputTensor>,
    /// The outputs that are asked for; none stands for all.
    pub outputs: Vec<RequestedOutput>,
    /// Outputs that say nothing of their own are wanted as binary data.
    pub binary_output: bool,
    /// The longest that the client waits (Triton's parameter `timeout`).
    pub timeout: Option<Duration>,
}

/// An output that a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedOutput {
    /// Its name.
    pub name: String,
    /// So many labels in place of all probabilities (Triton's classification extension).
    pub classification: Option<u64>,
    /// Whether it is wanted as binary data.
    pub binary: Option<bool>,
}

/// The work that a request asks for.
#[derive(Debug)]
pub struct Job {
    /// The inputs, in order.
    pub inputs: Vec<Input>,
    /// What each is to give.
    pub output: Output,
    /// The id of the request.
    pub id: String,
    /// Whether the answer is wanted as binary data.
    pub is_binary: bool,
    timeout: Option<Duration>,
}

impl Request {
    /// A request whose body is its one element: a picture, or a tensor. The answer is wanted as binary data (Triton's raw binary
    /// request).
    pub fn raw(body: Bytes, form: Form, model: &Metadata) -> Self {
        let (datatype, shape, data) = match form {
            Form::Picture => (Datatype::Bytes, vec![1], Data::Elements(vec![body])),
            Form::Tensor => {
                let shape = model.input.shape().map(|side| i64::try_from(side).unwrap_or(i64::MAX));
                (Datatype::Fp32, shape.to_vec(), Data::Binary(body))
            }
        };
        let input = InputTensor { name: None, datatype, shape, data };
        Self { inputs: vec![input], binary_output: true, ..Self::default() }
    }

    /// The work for a model of this form. A request has `limit` pictures or tensors at most.
    ///
    /// # Errors
    /// [`Fault::Invalid`]; [`Error::TooManyInputs`], [`Error::OutOfMemory`].
    pub fn job(self, form: Form, model: &Metadata, limit: usize) -> Result<Job, Fault> {
        let (output, binary) = self.output(model)?;
        let Ok([input]) = <[InputTensor; 1]>::try_from(self.inputs) else {
            return Err(Fault::invalid("The model has one input: send one tensor"));
        };
        let inputs = input.inputs(form, model, limit)?;
        let is_binary = binary.unwrap_or(self.binary_output);
        Ok(Job { inputs, output, id: self.id, is_binary, timeout: self.timeout })
    }

    fn output(&self, model: &Metadata) -> Result<(Output, Option<bool>), Fault> {
        let requested = match &self.outputs[..] {
            [] => return Ok((Output::Probabilities, None)),
            [requested] => requested,
            _ => return Err(Fault::invalid(format!("The model has one output: ask for {OUTPUT} once"))),
        };
        if requested.name != OUTPUT {
            return Err(Fault::invalid(format!("There is no output {:?}: the model has {OUTPUT}", requested.name)));
        }
        let output = match requested.classification {
            None => Output::Probabilities,
            Some(0) => return Err(Fault::invalid("classification must be a whole number of at least 1")),
            Some(count) => Output::Labels(usize::try_from(count).unwrap_or(usize::MAX).min(model.labels.len())),
        };
        Ok((output, requested.binary))
    }
}

impl Job {
    /// The terms of the work, beginning with those of the server.
    pub fn terms(&self, terms: Terms) -> Terms {
        let terms = Terms { output: self.output, ..terms };
        match self.timeout {
            Some(timeout) => terms.within(timeout),
            None => terms,
        }
    }
}

/// The values of the output.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `FP32`.
    Floats(Vec<f32>),
    /// `BYTES`: texts.
    Texts(Vec<String>),
}

/// The output tensor of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputTensor {
    /// Its two sides: inputs, and values of each.
    pub shape: [usize; 2],
    /// Its values, row by row.
    pub values: Values,
}

impl OutputTensor {
    /// The output of these results, which a job has given.
    ///
    /// # Errors
    /// The first error of an input.
    pub fn of(results: Vec<Result<Analysis, Error>>, output: Output) -> Result<Self, Fault> {
        let (count, several) = (results.len(), results.len() > 1);
        let mut analyses = Vec::with_capacity(count);
        for (index, result) in results.into_iter().enumerate() {
            analyses.push(result.map_err(|error| Fault::Core { error, index: several.then_some(index) })?);
        }
        Ok(match output {
            Output::Probabilities => {
                let each = analyses.first().map_or(0, |analysis| analysis.probabilities.len());
                let values = analyses.into_iter().flat_map(|analysis| analysis.probabilities).collect();
                Self { shape: [count, each], values: Values::Floats(values) }
            }
            Output::Labels(_) | Output::Explained(_) => {
                let each = analyses.first().map_or(0, |analysis| analysis.predictions.len());
                let texts = analyses.iter().flat_map(|analysis| analysis.predictions.iter().map(class)).collect();
                Self { shape: [count, each], values: Values::Texts(texts) }
            }
        })
    }

    /// The datatype of the values.
    pub const fn datatype(&self) -> Datatype {
        match self.values {
            Values::Floats(_) => Datatype::Fp32,
            Values::Texts(_) => Datatype::Bytes,
        }
    }

    /// The values as binary data: little-endian, texts behind their length.
    pub fn binary(&self) -> Bytes {
        match &self.values {
            Values::Floats(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::Texts(texts) => prefixed(texts.iter().map(String::as_bytes)),
        }
    }
}

/// A class as Triton writes it. The value has all of its digits, so that no client loses what another one has.
fn class(Prediction { index, label, confidence, .. }: &Prediction) -> String {
    format!("{confidence}:{index}:{label}")
}

#[cfg(test)]
mod tests;
