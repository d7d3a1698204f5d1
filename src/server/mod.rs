//! Listens, accepts, serves connections, and ends.

mod accept;
mod activity;
pub mod lifecycle;
mod listen;
mod signals;

pub use accept::serve;
pub use listen::listen;
pub use signals::{Signals, ready, shut_down};
