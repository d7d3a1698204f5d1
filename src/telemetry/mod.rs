//! What operators see of the server: logs, metrics and traces.

mod log_writer;
pub mod logs;
pub mod metrics;
pub mod reasons;
mod spans;
pub mod traces;

pub use traces::Traces;
