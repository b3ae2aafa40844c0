//! What every part of a pool needs and that knows no key.

mod affinity;
mod connectors;
mod context;
mod counters;
mod event_sink;
mod random;
mod tool_lists;

pub(crate) use connectors::Connectors;
pub(crate) use context::{Context, ContextParts};
pub(crate) use counters::Counters;
pub(crate) use random::Random;
pub(crate) use tool_lists::{Given, Kept, ToolLists, credentials_digest};
