//! What a failure shows of an endpoint.

/// What a failure shows of the endpoint, to its circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Evidence {
    /// No server is there: no connection, or a gateway that does not reach its server.
    Absent,
    /// A server answered, with whatever status.
    Here,
    /// Neither.
    None,
}
