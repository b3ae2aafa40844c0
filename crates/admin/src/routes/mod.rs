//! What the router answers.

mod actions;
mod events;
mod failure;
mod keys;
mod plain;
mod router;
mod shown;
mod stats;

pub(crate) use router::router;
pub(crate) use shown::{Figures, Shown};
