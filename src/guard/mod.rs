//! Who may ask, how often, and how much memory requests may hold.
//!
//! Decisions are data. Each door renders a refusal in its own form.

pub mod access;
pub mod body;
mod budget;
pub mod client;
mod document;
pub mod frames;
pub mod keys;
pub mod limiter;
mod stream;

pub use access::Access;
pub use body::{BodyError, BodyLimits};
pub use budget::{Account, Budget, NoRoom};
pub use document::Document;
pub use frames::{Brought, Frames};
pub use stream::{Ending, StreamBody};
