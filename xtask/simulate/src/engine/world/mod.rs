//! One world: a pool, its callers and a server on simulated time.

mod act;
mod behaviours;
mod caller_steps;
mod callers;
mod config;
mod end;
mod extractor;
mod observer;
mod runtime;
mod world;

pub(super) use runtime::{Settings, runtime, simulate};
