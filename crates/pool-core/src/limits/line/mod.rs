//! Lines whose lanes are served in turn.

mod lanes;
mod line;
mod nodes;

pub(crate) use line::Line;
pub(crate) use nodes::Place;
