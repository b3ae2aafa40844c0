//! How fast lines are served.

mod line_pace;
mod queue_pace;

pub(crate) use line_pace::LinePace;
pub(crate) use queue_pace::Pace;
