//! What happens in a pool, counted and bounded.

mod histogram;
mod incidents;
mod recorder;
mod records;

pub(crate) use histogram::Counts;
pub(crate) use incidents::{Incident, rfc3339};
pub use recorder::Recorder;
pub(crate) use records::Reading;
