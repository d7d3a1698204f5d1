//! The commands of the executable, one file each.

pub mod decode;
pub mod health;
pub mod serve;
