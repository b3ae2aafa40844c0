//! Checks of `cargo xtask ci` that no other command has.

pub(crate) mod demo_output;
pub(crate) mod package;
