//! What replicas tell each other of upstreams, so that a new one detects nothing again.

mod hint;
#[expect(
    clippy::module_inception,
    reason = "the module has the name of its type"
)]
mod hints;

pub(crate) use hint::UpstreamHint;
pub(super) use hints::Hints;
