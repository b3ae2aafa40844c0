//! What every request has to pass, and what every response has.

mod hosts;
mod layer;
mod refusal;
mod same_origin;

pub(crate) use hosts::Hosts;
pub(crate) use layer::guarded;
