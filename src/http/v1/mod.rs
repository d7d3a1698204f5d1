//! Our own API, version 1.

pub(super) mod analyze;
pub(super) mod model;
