//! The connection to the server, wherever it is.

mod address;
#[cfg(feature = "cluster")]
mod cluster;
mod limits;
mod news;
#[cfg(feature = "sentinel")]
mod sentinel;
mod source;

pub(crate) use news::News;
pub(crate) use source::Source;
