//! What all keys of one endpoint share.

mod admission;
mod breaker;
mod breaker_permit;
mod circuit;
mod contradictions;
mod holds;
mod prober;
mod retry_budget;
mod session_ids;
mod tallies;
mod upstream;
mod upstreams;

pub(crate) use admission::Refusal;
pub(crate) use breaker_permit::{BreakerPermit, admitted, admitted_now};
pub(crate) use circuit::{CircuitPolicy, CircuitReading};
pub(crate) use holds::Holder;
pub(crate) use session_ids::SessionIdClaim;
pub(crate) use tallies::{Sessions, Tally, TallyReading};
pub(crate) use upstream::{CircuitHost, ProberTask, Upstream};
pub(crate) use upstreams::Upstreams;
