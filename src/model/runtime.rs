//! Loading ONNX Runtime, a shared library.
//!
//! The executable may hold it. It is then copied into memory (a `memfd`, or a private temporary file on systems without it) and
//! loaded from there: the loader takes files only.

#![allow(unsafe_code, reason = "a shared library is foreign code")]

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libloading::Library;
use ort::environment::Environment;

use crate::error::StartError;

/// Where ONNX Runtime comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibrarySource {
    /// A library file.
    File(PathBuf),
    /// The library in this executable.
    #[cfg(feature = "embed")]
    Embedded,
}

impl Default for LibrarySource {
    /// The library in this executable, or the file that `scripts/setup` leaves in the project.
    fn default() -> Self {
        #[cfg(feature = "embed")]
        let source = Self::Embedded;
        #[cfg(not(feature = "embed"))]
        let source = Self::File(format!("models/libonnxruntime{}", std::env::consts::DLL_SUFFIX).into());
        source
    }
}

/// The loaded library. ONNX Runtime allows one environment a process.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime, loaded for the life of the process.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads ONNX Runtime from `source`. Later calls ignore their `source` and return the library of the first call.
    ///
    /// # Errors
    /// A sentence, where the library is missing, is not ONNX Runtime, or is too old.
    pub fn load(source: &LibrarySource) -> Result<Self, StartError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let runtime = match source {
            LibrarySource::File(path) => Self::load_file(path)?,
            #[cfg(feature = "embed")]
            LibrarySource::Embedded => copied::load()?,
        };
        Ok(loaded.insert(runtime).clone())
    }

    fn load_file(path: &Path) -> Result<Self, StartError> {
        let refuse = |reason: &str| {
            StartError::new(format!(
                "ONNX Runtime can't be loaded from {}: {reason}. Run scripts/setup, or set ORT_DYLIB_PATH to the \
                 library of ONNX Runtime 1.{} or later.",
                path.display(),
                ort::MINOR_VERSION
            ))
        };
        // The loader would search other places for a path that is not a file, and block on a pipe.
        let metadata = path.metadata().map_err(|error| refuse(&error.to_string()))?;
        if !metadata.is_file() {
            return Err(refuse("it is not a file"));
        }
        // Not canonical: the path of a file in memory is a link without a target.
        let path = std::path::absolute(path).map_err(|error| refuse(&error.to_string()))?;
        disable_telemetry();
        // Loaded here first, because `ort` panics at a library that can't be loaded.
        // SAFETY: loading runs the library's initialisers. The operator has chosen the library.
        let library = unsafe { Library::new(&path) }.map_err(|error| refuse(&cause(&error)))?;
        // SAFETY: the symbol is only looked up.
        if unsafe { library.get::<unsafe extern "C" fn()>(b"OrtGetApiBase") }.is_err() {
            return Err(refuse("it is not ONNX Runtime"));
        }
        let environment = ort::init_from(&path)
            .map_err(|error| match error {
                ort::LoadDynamicError::BadVersion { version_str, .. } => {
                    refuse(&format!("its version is {version_str}"))
                }
                _ => refuse("it is not usable"),
            })?
            .with_name("glimpse")
            .with_telemetry(false)
            .build()
            .map_err(|error| refuse(error.message()))?;
        Ok(Self { environment })
    }

    /// The environment that sessions are made in.
    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// The system's reason, without the path that the message repeats.
fn cause(error: &libloading::Error) -> String {
    let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    said.rsplit(": ").next().unwrap_or_default().to_owned()
}

/// Turns off ONNX Runtime's telemetry. Official builds since 1.29 report every process and every model to Microsoft and leave an
/// identifier on the disk, unless `ORT_DISABLE_TELEMETRY` is set when they are loaded. The API call that `with_telemetry`
/// makes comes after the first report.
///
/// [`Runtime::load`] calls this. A program that starts threads before must call it before them.
pub fn disable_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none_or(|value| value != "1") {
        // SAFETY: `main` calls this before it starts any other thread, so that nothing reads the environment at the same
        // time. Later calls write nothing.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}

#[cfg(feature = "embed")]
mod copied {
    use std::fs::File;
    use std::io::{self, Write};

    use super::{PathBuf, Runtime, StartError};
    use crate::memory;
    use crate::model::embedded;

    /// Loads the library in this executable: from memory where the system allows it, else through a temporary file that only
    /// this user may read and that is deleted at once.
    pub(super) fn load() -> Result<Runtime, StartError> {
        let from_memory = memory_file().ok().and_then(|(_file, path)| Runtime::load_file(&path).ok());
        memory::forget(embedded::LIBRARY);
        if let Some(runtime) = from_memory {
            return Ok(runtime);
        }
        let refuse = |error: &dyn std::fmt::Display| {
            StartError::new(format!(
                "The ONNX Runtime in this executable can't be copied to {}: {error}. Set TMPDIR to a folder that may \
                 be written to and executed from, or ORT_DYLIB_PATH to the library of ONNX Runtime.",
                std::env::temp_dir().display()
            ))
        };
        let mut file =
            tempfile::Builder::new().prefix("glimpse-onnxruntime-").tempfile().map_err(|error| refuse(&error))?;
        copy(file.as_file_mut()).map_err(|error| refuse(&error))?;
        Runtime::load_file(file.path()).map_err(|error| refuse(&error))
    }

    fn copy(file: &mut File) -> io::Result<()> {
        file.write_all(embedded::LIBRARY)?;
        file.flush()
    }

    #[cfg(target_os = "linux")]
    fn memory_file() -> io::Result<(File, PathBuf)> {
        use std::os::fd::AsRawFd;

        let descriptor = rustix::fs::memfd_create("onnxruntime", rustix::fs::MemfdFlags::CLOEXEC)?;
        let mut file = File::from(descriptor);
        copy(&mut file)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok((file, path))
    }

    #[cfg(not(target_os = "linux"))]
    fn memory_file() -> io::Result<(File, PathBuf)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
