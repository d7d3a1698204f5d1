//! What the executable does: a file a command.

pub mod health;
pub mod serve;
