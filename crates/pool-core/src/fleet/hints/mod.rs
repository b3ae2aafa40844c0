//! What replicas tell each other of upstreams, so that a new one detects nothing again.

mod hint;
mod hints;

pub(crate) use hint::UpstreamHint;
pub(super) use hints::{Hints, KEPT_FOR, KnownHint, ReadHint};
