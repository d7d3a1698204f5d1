//! From a tensor to labels. The only room that knows ONNX Runtime.
//!
//! A model is a file that describes itself (`description`): nothing here, or anywhere above, knows one
//! model from another.

mod classifier;
mod description;
mod labels;
mod runtime;

#[cfg(feature = "embed")]
mod embedded;

pub use classifier::{Classifier, ModelSource};
pub use description::{InputSpec, Layout, Metadata};
pub use labels::{Labels, Prediction};
pub use runtime::{LibrarySource, Runtime, disable_telemetry};
