//! What the server says of itself: logs, metrics, and traces.

pub mod logs;
pub mod metrics;
pub mod traces;

pub use traces::Traces;
