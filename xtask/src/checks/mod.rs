//! Checks of `cargo xtask ci` and `full` that no other command has.

pub(crate) mod book;
pub(crate) mod demo_output;
pub(crate) mod package;
pub(crate) mod tools;
