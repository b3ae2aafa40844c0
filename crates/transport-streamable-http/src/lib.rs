#![doc = include_str!("../README.md")]

mod connector;
mod decode;
mod detect;
mod driver;
mod events;
mod fault;
mod handshake;
mod link;
mod listen;
mod post;
mod wire;

pub use connector::{BuildError, StreamableHttpConnector};
