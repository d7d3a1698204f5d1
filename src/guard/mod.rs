//! Who may ask, how often, and how much memory requests may hold.

pub mod access;
pub mod body;
mod budget;
pub mod client;
pub mod limiter;

pub use body::{BodyError, BodyLimits};
pub use budget::{Account, Budget, NoRoom};
