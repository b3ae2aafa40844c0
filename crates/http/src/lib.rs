#![doc = include_str!("../README.md")]

mod body;
mod client;
mod events;
mod fault;
mod send;

pub use body::body;
pub use client::{BuildError, client, client_builder};
pub use events::bounded;
pub use fault::HttpFault;
pub use send::send;
