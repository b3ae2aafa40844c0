#![doc = include_str!("../README.md")]

mod agreement;
mod body;
mod client;
mod events;
mod fault;
mod open;
mod send;

pub use agreement::{negotiated, not_initialized, unexpected};
pub use body::body;
pub use client::{BuildError, client, client_builder};
pub use events::{Broken, bounded};
pub use fault::HttpFault;
pub use open::open_detached;
pub use send::send;
