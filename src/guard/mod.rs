//! Who may ask, how often, and how much memory requests may hold.

pub mod budget;
pub mod client;
pub mod limiter;

pub use budget::{Accounted, Budget};
