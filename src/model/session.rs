//! A session of ONNX Runtime that several threads run at the same time.

#![allow(unsafe_code, reason = "ONNX Runtime is a C++ library; `ort` offers its `Run` to one thread at a time only")]

use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ort::AsPointer;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session};
use ort::sys::OrtRunOptions;
use ort::value::{Outlet, TensorElementType, TensorRef, TensorRefMut, ValueType};

use super::{MapSize, Metadata, Runtime};
use crate::error::{Error, StartError};
use crate::memory;

/// The input that says how many maps to compute, 64-bit integers of the shape `[1]`, and the output that holds them, 32-bit
/// floats of the shape `[maps, rows, columns]`. `scripts/export/activation.py` adds both to a graph.
const EXPLAINED: &CStr = c"explained";
const ACTIVATION: &CStr = c"activation";

/// A model's graph with one input and one output, both of 32-bit floats, and perhaps [`EXPLAINED`] and [`ACTIVATION`]. All
/// threads that run it share one copy of the weights.
#[derive(Debug)]
pub(super) struct SharedSession {
    session: Session,
    input: Port,
    output: Port,
    /// The size of its maps, if it has any.
    maps: Option<MapSize>,
    /// Runs at this moment.
    running: AtomicUsize,
    /// Whether runs have overlapped since the memory was given back: each then takes activations of its own.
    has_grown: AtomicBool,
}

/// The input or the output of a graph.
#[derive(Debug)]
struct Port {
    name: CString,
    shape: Vec<usize>,
}

impl SharedSession {
    /// Starts a session on the bytes of an ONNX file and reads the file's description.
    ///
    /// # Errors
    /// A reason, where the file is no model, does not describe itself, or has another shape than it describes.
    pub(super) fn start(runtime: &Runtime, file: &[u8]) -> Result<(Self, Metadata), StartError> {
        let refused = |error: ort::Error| StartError::new(format!("ONNX Runtime refuses it ({error})"));
        let session = session(runtime, file).map_err(refused)?;
        let metadata = {
            let props = session.metadata().map_err(refused)?;
            Metadata::read(|key| props.custom(key))?
        };
        let (input, output, maps) = match (session.inputs(), session.outputs(), metadata.activation) {
            ([input], [output], None) => (input, output, None),
            // ONNX Runtime does not list an input that has a default.
            ([input], [output, activation], Some(size)) => {
                check_maps(activation, size)?;
                (input, output, Some(size))
            }
            (.., None) => return Err(StartError::new("it has more than one input or output")),
            (.., Some(_)) => return Err(StartError::new("it has no maps, and its description says that it has")),
        };
        let input = port("input", input, &metadata.input.shape())?;
        let output = port("output", output, &[1, metadata.labels.len()])?;
        let (running, has_grown) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok((Self { session, input, output, maps, running, has_grown }, metadata))
    }

    /// Computes `output` of `input`, and as many maps as `maps` holds: those of the greatest outputs, the greatest first, and of
    /// equal ones the later. Several threads may call this at the same time.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Internal`] where ONNX Runtime fails or the output has another shape than the
    /// description says. The log has the cause.
    pub(super) fn run(&self, input: &[f32], output: &mut [f32], maps: &mut [f32]) -> Result<(), Error> {
        if self.running.fetch_add(1, Ordering::Relaxed) > 0 {
            self.has_grown.store(true, Ordering::Relaxed);
        }
        let result = self.try_run(ptr::null(), input, output, maps);
        self.running.fetch_sub(1, Ordering::Relaxed);
        result.map_err(|error| reported(&error))
    }

    /// Gives back the memory of runs that overlapped: ONNX Runtime's arena keeps the activations of all of them. It shrinks its
    /// arena only at the end of a run, so this runs the model on zeros if there is something to give back.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn give_back(&self) -> Result<(), Error> {
        if !self.has_grown.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let (mut input, mut output) = (Vec::new(), Vec::new());
        memory::zeros(&mut input, self.input.shape.iter().product())?;
        memory::zeros(&mut output, self.output.shape.iter().product())?;
        let mut run = || {
            let mut options = RunOptions::new()?;
            // `onnxruntime_run_options_config_keys.h`
            options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
            self.try_run(options.ptr(), &input, &mut output, &mut [])
        };
        run().map_err(|error| reported(&error))
    }

    /// ONNX Runtime writes straight to `output` and `maps`, and fails where the graph's output has another shape.
    fn try_run(
        &self,
        options: *const OrtRunOptions,
        input: &[f32],
        output: &mut [f32],
        maps: &mut [f32],
    ) -> ort::Result<()> {
        let MapSize { rows, columns } =
            self.maps.filter(|_| !maps.is_empty()).unwrap_or(MapSize { rows: 1, columns: 1 });
        let count = maps.len() / (rows * columns);
        let explained = [i64::try_from(count).unwrap_or(i64::MAX)];
        let input = TensorRef::from_array_view((&self.input.shape[..], input))?;
        let explained = TensorRef::from_array_view(([1_usize], &explained[..]))?;
        let output = TensorRefMut::from_array_view_mut((&self.output.shape[..], output))?;
        let activation = match count {
            0 => None,
            _ => Some(TensorRefMut::from_array_view_mut(([count, rows, columns], maps))?),
        };
        let inputs = [input.ptr(), explained.ptr()];
        let input_names = [self.input.name.as_ptr(), EXPLAINED.as_ptr()];
        let mut outputs =
            [output.ptr().cast_mut(), activation.as_ref().map_or(ptr::null_mut(), |it| it.ptr().cast_mut())];
        let output_names = [self.output.name.as_ptr(), ACTIVATION.as_ptr()];
        // A graph without maps has the first of each alone. Without the number of maps, a graph computes none.
        let used = if activation.is_some() { 2 } else { 1 };
        // SAFETY: the session, the values and the options, if there are any, are live, the names end with a zero, and each array
        // has at least `used` elements. The tensors' buffers are borrowed until the call returns: the inputs are only read,
        // and nobody else holds the outputs.
        //
        // The call may be made by several threads at once: "Multiple threads are allowed to run this function; hence its
        // thread-safe" (ONNX Runtime, core/session/inference_session.h, on `Run`); "Multiple threads can invoke the Run()
        // method on the same inference session object" (docs, High Level Design, Key design decisions). That `ort` asks for an
        // exclusive reference is because of execution providers that break this promise (CUDA, DirectML). This session has
        // the CPU provider alone, which keeps it: see `session`.
        unsafe {
            let status = (ort::api().Run)(
                self.session.ptr().cast_mut(),
                options,
                input_names.as_ptr(),
                inputs.as_ptr(),
                used,
                output_names.as_ptr(),
                used,
                outputs.as_mut_ptr(),
            );
            ort::Error::result_from_status(status)
        }
    }
}

/// A session that computes in the calling thread. More threads for each picture would lower the throughput.
///
/// x86 processors without dot products of 8 bits (VNNI) add pairs of products in 16 bits, which saturate. With
/// `session.x64quantprecision`, ONNX Runtime avoids that, and an int8 model answers alike on every processor
/// (`onnxruntime_session_options_config_keys.h`). It is not set where it is not needed: on processors with tiles (AMX) it would
/// keep them from being used, and an inference took 2.4 times as long.
///
/// No execution provider is registered, so ONNX Runtime falls back to that of the CPU: [`SharedSession::try_run`] relies on it.
fn session(runtime: &Runtime, file: &[u8]) -> ort::Result<Session> {
    let mut builder = Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(1)?
        .with_intra_op_spinning(false)?
        .with_config_entry("session.x64quantprecision", if has_dot_products() { "0" } else { "1" })?;
    builder.commit_from_memory(file)
}

/// Whether the processor adds products of 8 bits in 32 bits.
fn has_dot_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    return true;
}

/// Checks a port against its description. A dimension that the graph leaves open (-1) fits any.
fn port(what: &str, outlet: &Outlet, described: &[usize]) -> Result<Port, StartError> {
    let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = outlet.dtype() else {
        return Err(StartError::new(format!("its {what} is not a tensor of 32-bit floats")));
    };
    let fits = |(actual, described): (&i64, &usize)| *actual == -1 || usize::try_from(*actual) == Ok(*described);
    let name = CString::new(outlet.name()).ok();
    match name {
        Some(name) if shape.len() == described.len() && shape.iter().zip(described).all(fits) => {
            Ok(Port { name, shape: described.to_vec() })
        }
        _ => {
            let actual: &[i64] = shape;
            let sentence = format!("its {what} has the shape {actual:?}, and its description says {described:?}");
            Err(StartError::new(sentence))
        }
    }
}

/// Checks the second output, for maps of this size.
fn check_maps(activation: &Outlet, MapSize { rows, columns }: MapSize) -> Result<(), StartError> {
    let sides = [rows, columns].map(|side| i64::try_from(side).ok());
    match activation.dtype() {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. }
            if Ok(activation.name()) == ACTIVATION.to_str()
                && shape.len() == 3
                && [shape[1], shape[2]].map(Some) == sides =>
        {
            Ok(())
        }
        _ => {
            Err(StartError::new(format!("its maps are not of {rows} times {columns} values, as its description says")))
        }
    }
}

/// The error of the core. The log has the cause.
fn reported(error: &ort::Error) -> Error {
    if is_out_of_memory(error.message()) {
        return Error::OutOfMemory;
    }
    tracing::error!(%error, "inference failed");
    Error::Internal
}

/// Whether `message` is that of ONNX Runtime's arena or of C++ for memory that the system refused.
fn is_out_of_memory(message: &str) -> bool {
    ["Failed to allocate memory", "bad_alloc", "bad allocation"].iter().any(|sign| message.contains(sign))
}
