//! The event stream of a session, from bytes to events.

mod bytes;
mod incoming;

pub(crate) use incoming::{Event, Incoming};
