//! The commands of the executable, one file each.

pub mod health;
pub mod serve;
