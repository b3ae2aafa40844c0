//! What every part of a pool needs and that knows no key.

mod affinity;
mod answer_cache;
mod connectors;
mod context;
mod counters;
mod event_sink;
mod random;

pub(crate) use answer_cache::{AnswerCache, Given, Kept, Subject, credentials_digest};
pub(crate) use connectors::Connectors;
pub(crate) use context::{Context, ContextParts};
pub(crate) use counters::Counters;
pub(crate) use random::Random;
