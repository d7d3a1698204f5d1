//! What the server says of itself and of its model.

use serde::Serialize;

use super::{Datatype, OUTPUT, PICTURE_INPUT, TENSOR_INPUT};
use crate::engine::{Count, Stage, Totals};
use crate::image::preprocess::Layout;
use crate::model::names::{Form, VERSION};
use crate::model::{Metadata, Served};

/// The name of the server.
pub const SERVER: &str = env!("CARGO_PKG_NAME");

/// The version of the server.
pub const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The extensions of the protocol that the server has, by Triton's names.
pub const EXTENSIONS: [&str; 5] =
    ["binary_tensor_data", "classification", "model_configuration", "model_repository(index)", "statistics"];

/// The kind of the model's file, by Triton's name.
pub const PLATFORM: &str = "onnxruntime_onnx";

/// The library that runs the model, by Triton's name.
pub const BACKEND: &str = "onnxruntime";

/// The name of the list of labels in the configuration.
pub const LABELS_FILE: &str = "labels.txt";

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tensor {
    /// Its name.
    pub name: &'static str,
    /// Its datatype, by the protocol's name.
    pub datatype: &'static str,
    /// Its sides; -1 for the number of pictures.
    pub shape: Vec<i64>,
}

/// What the model takes and gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its versions.
    pub versions: [&'static str; 1],
    /// The kind of its file.
    pub platform: &'static str,
    /// Its only input.
    pub inputs: [Tensor; 1],
    /// Its only output.
    pub outputs: [Tensor; 1],
}

impl Model {
    /// The description of a form of the model.
    pub fn of(form: Form, model: &Served) -> Self {
        let input = match form {
            Form::Picture => tensor(PICTURE_INPUT, Datatype::Bytes, &[1]),
            Form::Tensor => tensor(TENSOR_INPUT, Datatype::Fp32, &model.input.shape()[1..]),
        };
        let output = tensor(OUTPUT, Datatype::Fp32, &[model.labels.len()]);
        Self { name: model.names.of(form), versions: [VERSION], platform: PLATFORM, inputs: [input], outputs: [output] }
    }
}

fn tensor(name: &'static str, datatype: Datatype, sides: &[usize]) -> Tensor {
    let sides = sides.iter().map(|side| i64::try_from(*side).unwrap_or(i64::MAX));
    Tensor { name, datatype: datatype.name(), shape: std::iter::once(-1).chain(sides).collect() }
}

/// Triton's statistics of the engine. One engine serves every name, so that all names have the same figures.
#[derive(Clone, Copy, Debug)]
pub struct Statistics {
    /// The end of the last inference, in milliseconds since 1970.
    pub last: u64,
    /// Inferences with an answer.
    pub success: Count,
    /// Inferences without one.
    pub fail: Count,
    /// The time that those with an answer waited.
    pub queue: Count,
    /// The time that it took to make the model's input.
    pub compute_input: Count,
    /// The time of the model.
    pub compute_infer: Count,
    /// The time of the output, which is part of the model's.
    pub compute_output: Count,
}

impl From<Totals> for Statistics {
    fn from(Totals { analyzed, failed, stages, last }: Totals) -> Self {
        let of = |stage: Stage| stages[stage as usize];
        let time = |nanoseconds| Count { count: analyzed.count, nanoseconds };
        Self {
            last,
            success: analyzed,
            fail: failed,
            queue: time(of(Stage::Queue)),
            compute_input: time(of(Stage::Decode) + of(Stage::Resize)),
            compute_infer: time(of(Stage::Inference)),
            compute_output: time(0),
        }
    }
}

/// Triton's name for the order of a tensor's axes, and its number in the protocol.
pub fn format(form: Form, model: &Metadata) -> (&'static str, i32) {
    match (form, model.input.layout) {
        (Form::Picture, _) => ("FORMAT_NONE", 0),
        (Form::Tensor, Layout::Nhwc) => ("FORMAT_NHWC", 1),
        (Form::Tensor, Layout::Nchw) => ("FORMAT_NCHW", 2),
    }
}

/// Triton's name for a datatype in a configuration, and its number in the protocol.
pub fn data_type(datatype: &str) -> (&'static str, i32) {
    if datatype == Datatype::Bytes.name() { ("TYPE_STRING", 13) } else { ("TYPE_FP32", 11) }
}
