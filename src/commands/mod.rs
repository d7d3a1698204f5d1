//! The commands of the executable, one file each.

pub mod classify;
pub mod decode;
pub mod describe;
pub mod health;
pub mod reload;
pub mod serve;
