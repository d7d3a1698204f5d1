//! Protocols that more than one door speaks: their types, and what they mean to the engine.

pub mod choice;
pub mod oip;
