#![doc = include_str!("../README.md")]

#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
mod secret;

pub use memory::InMemoryDirectory;
pub use secret::FleetSecret;
