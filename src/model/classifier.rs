//! A session of ONNX Runtime on one model.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::Array4;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use super::{Metadata, Prediction, Runtime};
use crate::error::{Error, StartError};

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// An ONNX file.
    File(PathBuf),
    /// The one in this executable.
    #[cfg(feature = "embed")]
    Embedded,
}

impl Default for ModelSource {
    /// The model in this executable, or the file that `scripts/setup` leaves in the project.
    fn default() -> Self {
        #[cfg(feature = "embed")]
        let source = Self::Embedded;
        #[cfg(not(feature = "embed"))]
        let source = Self::File("models/model.onnx".into());
        source
    }
}

impl ModelSource {
    fn read(&self) -> Result<Cow<'static, [u8]>, StartError> {
        match self {
            Self::File(path) => read_file(path).map(Cow::Owned).map_err(|error| {
                StartError::new(format!(
                    "The model {} can't be read: {error}. Run scripts/setup, or set MODEL_PATH to an exported model.",
                    path.display()
                ))
            }),
            #[cfg(feature = "embed")]
            Self::Embedded => Ok(Cow::Borrowed(super::embedded::MODEL)),
        }
    }

    /// `reason`, as a sentence that names the model.
    fn refuse(&self, reason: &str) -> StartError {
        let name = match self {
            Self::File(path) => path.display().to_string(),
            #[cfg(feature = "embed")]
            Self::Embedded => "in this executable".to_owned(),
        };
        StartError::new(format!("The model {name} can't be used: {reason}. Export one with scripts/export_model.py."))
    }
}

/// A whole file; nothing that has no end, or that waits for a writer.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    std::fs::read(path)
}

/// One session, for one thread at a time, and what the model says of itself.
#[derive(Debug)]
pub struct Classifier {
    session: Session,
    metadata: Arc<Metadata>,
    origin: Arc<Origin>,
}

/// What a session is started from, kept to start another.
#[derive(Debug)]
struct Origin {
    runtime: Runtime,
    source: ModelSource,
    file: Cow<'static, [u8]>,
}

impl Origin {
    /// One thread a session: more of them make a single picture faster, but all of them slower.
    fn start_session(&self) -> Result<Session, StartError> {
        let session = || -> ort::Result<Session> {
            let mut builder = Session::builder(self.runtime.environment())?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_intra_op_spinning(false)?;
            builder.commit_from_memory(&self.file)
        };
        session().map_err(|error| self.source.refuse(&format!("ONNX Runtime refuses it ({error})")))
    }
}

impl Classifier {
    /// Loads `count` sessions of the same model, side by side.
    ///
    /// # Errors
    /// A sentence, where the file can't be read, is no model, does not describe itself, or has
    /// another shape than it says.
    pub fn load(runtime: &Runtime, source: &ModelSource, count: usize) -> Result<Vec<Self>, StartError> {
        let origin = Arc::new(Origin { runtime: runtime.clone(), source: source.clone(), file: source.read()? });
        let sessions: Vec<Result<Session, StartError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| origin.start_session())).collect();
            let failed = |_| Err(source.refuse("a session could not be started"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(failed)).collect()
        });
        let sessions: Vec<Session> = sessions.into_iter().collect::<Result<_, _>>()?;
        let Some(first) = sessions.first() else { return Ok(Vec::new()) };
        let metadata = Arc::new(describe(first).map_err(|error| source.refuse(&error.to_string()))?);
        let classifier = |session| Self { session, metadata: metadata.clone(), origin: origin.clone() };
        Ok(sessions.into_iter().map(classifier).collect())
    }

    /// A classifier of the same model with a session of its own.
    ///
    /// # Errors
    /// A sentence, where ONNX Runtime can't start one.
    pub fn another(&self) -> Result<Self, StartError> {
        let session = self.origin.start_session()?;
        Ok(Self { session, metadata: self.metadata.clone(), origin: self.origin.clone() })
    }

    /// What the model says of itself.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// The `count` most probable labels for a tensor of the model's [`InputSpec`](super::InputSpec), highest first.
    ///
    /// # Errors
    /// [`Error::Internal`] where ONNX Runtime fails; the cause is in the log.
    pub fn classify(&mut self, tensor: &Array4<f32>, count: usize) -> Result<Vec<Prediction>, Error> {
        let failed = |error: ort::Error| {
            tracing::error!(%error, "inference failed");
            Error::Internal
        };
        let input = TensorRef::from_array_view(tensor).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let (_, probabilities) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        Ok(self.metadata.labels.top(probabilities, count))
    }
}

/// The model's description, held against the shapes that the graph has.
fn describe(session: &Session) -> Result<Metadata, StartError> {
    let metadata = {
        let props = session.metadata().map_err(|error| StartError::new(error.to_string()))?;
        Metadata::read(|key| props.custom(key))?
    };
    let ([input], [output]) = (session.inputs(), session.outputs()) else {
        return Err(StartError::new("it has more than one input or output"));
    };
    check_shape("input", input, &metadata.input.shape())?;
    check_shape("output", output, &[1, metadata.labels.len()])?;
    Ok(metadata)
}

/// A dimension that the graph leaves open (-1) fits any.
fn check_shape(what: &str, outlet: &Outlet, described: &[usize]) -> Result<(), StartError> {
    let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = outlet.dtype() else {
        return Err(StartError::new(format!("its {what} is not a tensor of 32-bit floats")));
    };
    let fits = |(actual, described): (&i64, &usize)| *actual == -1 || usize::try_from(*actual) == Ok(*described);
    if shape.len() == described.len() && shape.iter().zip(described).all(fits) {
        return Ok(());
    }
    let actual: &[i64] = shape;
    Err(StartError::new(format!("its {what} has the shape {actual:?}, and its description says {described:?}")))
}
