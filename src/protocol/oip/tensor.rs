//! The input tensor of a request, and the engine's inputs in it.

use bytes::Bytes;
use ndarray::{ArcArray, s};

use super::{Fault, PICTURE_INPUT, TENSOR_INPUT, elements, floats};
use crate::engine::{Input, Payload};
use crate::error::Error;
use crate::model::Metadata;
use crate::model::names::Form;

/// A datatype that the model takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// Strings of bytes.
    Bytes,
    /// Numbers of 32 bits.
    Fp32,
}

impl Datatype {
    /// The protocol's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "BYTES",
            Self::Fp32 => "FP32",
        }
    }

    /// The datatype of this name.
    ///
    /// # Errors
    /// [`Fault::Invalid`] for one that no input has.
    pub fn named(name: &str) -> Result<Self, Fault> {
        match name {
            "BYTES" => Ok(Self::Bytes),
            "FP32" => Ok(Self::Fp32),
            _ => Err(Fault::invalid("The datatype must be BYTES, for picture files, or FP32, for the scaled tensor")),
        }
    }
}

/// A tensor that a request brings.
#[derive(Debug)]
pub struct InputTensor {
    /// Its name; none where the transport has no place for it.
    pub name: Option<String>,
    /// Its datatype.
    pub datatype: Datatype,
    /// Its sides. The first is the number of pictures or tensors.
    pub shape: Vec<i64>,
    /// Its values.
    pub data: Data,
}

/// The values of a tensor.
#[derive(Debug)]
pub enum Data {
    /// Binary data: little-endian, elements of `BYTES` behind their lengths.
    Binary(Bytes),
    /// Elements of `BYTES`.
    Elements(Vec<Bytes>),
    /// Elements of `BYTES`, each as base64 text.
    Base64(Vec<Bytes>),
    /// Values of `FP32`.
    Floats(Vec<f32>),
}

impl InputTensor {
    /// The engine's inputs, `limit` at most.
    pub(super) fn inputs(self, form: Form, model: &Metadata, limit: usize) -> Result<Vec<Input>, Fault> {
        if let Some(name) = self.name.as_deref().filter(|name| ![PICTURE_INPUT, TENSOR_INPUT].contains(name)) {
            let expected = match form {
                Form::Picture => PICTURE_INPUT,
                Form::Tensor => TENSOR_INPUT,
            };
            return Err(Fault::invalid(format!("There is no input {name:?}: the model has {expected}")));
        }
        match (self.datatype, form) {
            (Datatype::Bytes, Form::Picture) => self.pictures(limit),
            (Datatype::Bytes, Form::Tensor) => {
                Err(Fault::invalid("This model takes FP32: pictures go to the one without -tensor in its name"))
            }
            (Datatype::Fp32, _) => self.tensors(model, limit),
        }
    }

    /// Picture files in a tensor of the shape `[N]` or `[N, 1]`.
    fn pictures(self, limit: usize) -> Result<Vec<Input>, Fault> {
        let count = match self.shape[..] {
            [count] | [count, 1] => self.count(count, limit)?,
            _ => return Err(Fault::invalid(format!("The shape {:?} must be [N] or [N, 1]", self.shape))),
        };
        let payload = match self.data {
            Data::Base64(_) => Payload::base64,
            _ => Payload::file,
        };
        let files = match self.data {
            Data::Binary(data) => elements(data, limit)?,
            Data::Elements(files) | Data::Base64(files) => files,
            Data::Floats(_) => return Err(Fault::invalid("The data of a BYTES tensor must be texts or binary data")),
        };
        if files.len() != count {
            return Err(Fault::invalid(format!("The shape says {count} elements, and the data has {}", files.len())));
        }
        Ok(files.into_iter().map(|file| payload(file).into()).collect())
    }

    /// Tensors of the model's shape, one after the other.
    fn tensors(self, model: &Metadata, limit: usize) -> Result<Vec<Input>, Fault> {
        let [_, sides @ ..] = model.input.shape();
        let [channels, height, width] = sides;
        let fits = |(actual, expected): (&i64, usize)| usize::try_from(*actual) == Ok(expected);
        let count = match &self.shape[..] {
            [count, rest @ ..] if rest.len() == sides.len() && rest.iter().zip(sides).all(fits) => {
                self.count(*count, limit)?
            }
            _ => {
                let sentence = format!("The shape {:?} must be [N, {channels}, {height}, {width}]", self.shape);
                return Err(Fault::invalid(sentence));
            }
        };
        let values = match self.data {
            Data::Binary(data) => floats(&data)?,
            Data::Floats(values) => values,
            Data::Elements(_) | Data::Base64(_) => {
                return Err(Fault::invalid("The data of an FP32 tensor must be numbers or binary data"));
            }
        };
        let each = model.input.values();
        if values.len() != count * each {
            let expected = count * each;
            return Err(Fault::invalid(format!("The shape says {expected} values, and the data has {}", values.len())));
        }
        let all = ArcArray::from_shape_vec([count, channels, height, width], values);
        let all = all.map_err(|_| Error::Internal)?;
        // They share the values.
        Ok((0..count).map(|index| all.clone().slice_move(s![index..=index, .., .., ..]).into()).collect())
    }

    fn count(&self, count: i64, limit: usize) -> Result<usize, Fault> {
        match usize::try_from(count) {
            Ok(count @ 1..) if count <= limit => Ok(count),
            Ok(1..) => Err(Error::TooManyInputs { limit }.into()),
            _ => Err(Fault::invalid(format!("The shape {:?} must begin with 1 or more", self.shape))),
        }
    }
}
