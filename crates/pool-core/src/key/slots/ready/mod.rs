//! The members of a key that a caller may have at once.

mod ready;
mod shortcut;

pub(super) use ready::{Entry, Ready};
pub(super) use shortcut::{Shortcut, Way};
