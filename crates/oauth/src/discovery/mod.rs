//! Where to get tokens for a resource.

mod discover;
mod locations;
mod null;
mod resource;
mod server;

pub(crate) use discover::{Discovered, discover};
pub(crate) use server::ServerMetadata;
