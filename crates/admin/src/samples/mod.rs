//! The pool, second by second.

mod sample;
mod samples;

pub(crate) use sample::Sample;
pub(crate) use samples::Samples;
