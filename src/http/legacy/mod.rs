//! The contract of the services that glimpse replaces.

pub(super) mod predict;
