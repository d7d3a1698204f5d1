//! From a tensor to labels. The only room that knows ONNX Runtime.
//!
//! A model is a file that describes itself (`description`). Neither this room nor any above it depends on a particular one.

mod activation;
mod catalogue;
mod classifier;
mod description;
mod labels;
pub mod names;
mod runtime;
mod session;
mod source;

#[cfg(feature = "embed")]
mod embedded;

pub use activation::{Activation, MapSize};
pub use catalogue::{Catalogue, Served};
pub use classifier::{Classifier, Model};
pub use description::{Metadata, Outputs};
pub use labels::{Labels, Prediction};
pub use runtime::{LibrarySource, Runtime, disable_telemetry};
pub use source::{ModelSource, Stamp};
