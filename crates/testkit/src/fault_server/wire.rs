//! What a fault server speaks.

/// What a fault server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// Streamable HTTP with streams of events as answers.
    Events,
    /// Streamable HTTP with JSON as answers.
    Json,
    /// HTTP+SSE.
    Sse,
}
