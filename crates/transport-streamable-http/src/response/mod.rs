//! Responses of the server: their kind, their meaning, their events.

mod content;
mod decode;
mod events;

pub(crate) use content::{ContentKind, parse};
pub(crate) use decode::{SentRequest, decode};
pub(crate) use events::{Events, events};
