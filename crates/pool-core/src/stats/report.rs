//! What an eviction or the closing of a pool did.

use serde::Serialize;

/// What the closing of a pool did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CloseReport {
    /// Sessions that were closed while no caller used them.
    pub closed: u64,
    /// Sessions that were closed under their users after the timeout.
    pub forced: u64,
    /// Callers that waited for a session and got an error instead.
    pub turned_away: u64,
    /// Sessions whose farewell was not over by the end of the call.
    pub unfinished: u64,
    /// Sessions of the whole life of the pool whose server may not have got the farewell: it failed, timed
    /// out, or the runtime of the pool ended before.
    pub farewells_failed: u64,
    /// True when every farewell was over by the end of the call, and every other task of the pool.
    pub complete: bool,
}

/// What an eviction found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EvictReport {
    /// The selected keys.
    pub keys: usize,
    /// Idle sessions, which are being closed now.
    pub closing: usize,
    /// Sessions in use: closed when their leases end, or at once where that was forced.
    pub in_use: usize,
    /// Connects under way; what they open is closed at once.
    pub connecting: usize,
}
