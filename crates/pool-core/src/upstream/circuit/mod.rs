//! The state of one endpoint's circuit.

mod attempt;
mod by_hand;
mod circuit;
mod outage;
mod pause;
mod policy;
mod ramp;
mod reading;

pub(super) use attempt::{AttemptKind, Decision, Failed, ProbeOutcome};
pub(super) use circuit::Circuit;
pub(crate) use policy::CircuitPolicy;
pub(crate) use reading::CircuitReading;
