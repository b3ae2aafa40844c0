//! One downstream session: who it belongs to, and what goes back to its client.

mod attempts;
mod conversation;
mod destination;
mod forward;
mod in_flight;
mod listeners;
mod losses;
mod pass_back;

pub(crate) use attempts::{Reached, until_there};
pub(crate) use conversation::Conversation;
pub(crate) use destination::Destination;
pub(crate) use forward::Forward;
pub(crate) use listeners::Listeners;
pub(crate) use pass_back::{PassBack, Refusing};
