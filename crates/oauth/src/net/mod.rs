//! Requests to authorization servers.

mod address;
mod client;
mod resolver;

pub(crate) use address::Reach;
pub(crate) use client::{Answer, HttpClient};
