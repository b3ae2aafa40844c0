//! The outcome of a job.

/// The outcome of a job.
pub(in super::super) struct Outcome {
    pub(in super::super) revision: String,
    /// How the sessions ended.
    pub(in super::super) sessions: String,
    /// The number of calls that were answered.
    pub(in super::super) calls: usize,
}
