//! Our own API, version 1.

pub(super) mod analyze;
pub(super) mod batch;
pub(super) mod choice;
pub(super) mod model;
