//! The event stream of a session.

mod bytes;
mod incoming;

pub(crate) use incoming::{Event, Incoming};
