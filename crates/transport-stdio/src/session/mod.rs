//! One session: a child, and the messages to and from it.

mod driver;
mod link;
mod reader;
mod supervisor;
mod wire;
mod writer;

pub(crate) use driver::{Driver, NewSession};
pub(crate) use link::{STATELESS, discover_request};
