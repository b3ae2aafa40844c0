//! Replicas on simulated time, which share sessions through a directory that fails at any step.
//!
//! A model of the server checks each use of a session: an exclusive one has one holder at a time, and
//! nothing that was opened before a revocation is handed out after it. At the end, every session that is
//! open has a record, or was given up by a replica that could not know better.

mod directory;
mod model;
mod replica;
mod world;

pub(super) use model::FleetCounts;
pub(super) use world::simulate;
