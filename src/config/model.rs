use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::values::model_name;
use crate::model::{LibrarySource, ModelSource};

/// The model and the library that runs it.
#[derive(Args, Clone, Debug)]
pub struct ModelFile {
    /// ONNX file of the model, written by scripts/export_model.py [default: the one in the executable,
    /// else models/model.onnx]
    #[arg(long = "model", env, hide_env_values = true, value_name = "MODEL_PATH")]
    pub model_path: Option<PathBuf>,

    /// Library of ONNX Runtime, version 1.31 or later [default: the one in the executable, else
    /// models/libonnxruntime.so]
    #[arg(long = "onnxruntime", env, hide_env_values = true, value_name = "ORT_DYLIB_PATH")]
    pub ort_dylib_path: Option<PathBuf>,
}

/// How the model is served.
#[derive(Args, Clone, Debug)]
pub struct Model {
    #[command(flatten)]
    pub file: ModelFile,

    /// Name by which clients of the Open Inference Protocol and of the adapters ask for the model; its own name
    /// stays an alias [default: its own name]
    #[arg(long, env, hide_env_values = true, value_parser = model_name)]
    pub model_name: Option<String>,

    /// Load the model's file anew, without a pause, whenever it has changed; SIGHUP does so at any time
    /// [default: no]
    #[arg(long, env, hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub watch: bool,
}

impl ModelFile {
    /// Where the model comes from.
    pub fn source(&self) -> ModelSource {
        self.model_path.clone().map(ModelSource::File).unwrap_or_default()
    }

    /// Where ONNX Runtime comes from.
    pub fn library(&self) -> LibrarySource {
        self.ort_dylib_path.clone().map(LibrarySource::File).unwrap_or_default()
    }
}
