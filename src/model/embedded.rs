//! The files that the build has put into the executable; see `build.rs`.

/// The model file.
pub(super) static MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/model.onnx"));

/// ONNX Runtime's library. Not compressed: every start would have to unpack it first.
pub(super) static LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/onnxruntime"));
