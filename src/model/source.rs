//! Where a model's file comes from.

use std::borrow::Cow;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::StartError;

/// The source of a model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// An ONNX file.
    File(PathBuf),
    /// The model in this executable.
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

/// What changes when a file is replaced or written to: its length, its number, and the times of its content and of its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    device: u64,
    inode: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl ModelSource {
    /// Whether the model is a file, which may change.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The stamp of the file now, behind all links; `None` if there is no such file.
    pub fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::File(path) => path.metadata().ok().map(|found| Stamp {
                length: found.size(),
                device: found.dev(),
                inode: found.ino(),
                written: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            }),
            #[cfg(feature = "embed")]
            Self::Embedded => None,
        }
    }

    /// The length of the file in bytes; 0 if there is no such file.
    pub fn length(&self) -> u64 {
        match self {
            Self::File(path) => path.metadata().map_or(0, |found| found.len()),
            #[cfg(feature = "embed")]
            Self::Embedded => super::embedded::MODEL.len() as u64,
        }
    }

    pub(super) fn read(&self) -> Result<Cow<'static, [u8]>, StartError> {
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

    /// Gives back the memory of the file that [`read`](Self::read) returned.
    pub(super) fn done(&self, file: Cow<'static, [u8]>) {
        match self {
            Self::File(_) => drop(file),
            #[cfg(feature = "embed")]
            Self::Embedded => crate::memory::forget(super::embedded::MODEL),
        }
    }

    /// An error that names the model and gives `reason`.
    pub(super) fn refuse(&self, reason: &str) -> StartError {
        let name = match self {
            Self::File(path) => path.display().to_string(),
            #[cfg(feature = "embed")]
            Self::Embedded => "in this executable".to_owned(),
        };
        StartError::new(format!("The model {name} can't be used: {reason}. Export one with scripts/export_model.py."))
    }
}

/// Reads a whole file. A pipe or a device, which may have no end or wait for a writer, is refused.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    std::fs::read(path)
}
