//! One world: a pool, its callers and a server on simulated time.

mod act;
mod behaviours;
mod callers;
mod config;
mod desk;
mod end;
mod extractor;
mod observer;
mod people;
mod runtime;
mod tasks;
#[expect(
    clippy::module_inception,
    reason = "the file of the type that the folder is about"
)]
mod world;

pub(super) use runtime::{Settings, simulate};
