//! The callers of a world: their requests, their tasks, and what they hold.

mod checks;
mod desk;
mod people;
mod tasks;

pub(super) use desk::{Client, Desk, Held, Rules, tool};
pub(super) use people::{Caller, Callers, People};
pub(super) use tasks::Errand;
