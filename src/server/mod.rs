//! Listens, accepts, serves connections, and shuts down. It knows no routes.

mod accept;
mod activity;
mod connection;
mod exit;
mod frames;
mod idle;
pub mod lifecycle;
mod listen;
mod peer;
mod refusals;
mod signals;
mod socket;

pub use accept::serve;
pub use connection::{HttpService, serve_stream};
pub use exit::{abort, exit_now};
pub use listen::{Listener, SocketFile, listen};
pub use peer::Peer;
pub use signals::{Hangups, Signals, ready, shut_down};
