//! The party at fault of a failed call.

/// The party at fault of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Party {
    /// The caller: its request or its credential.
    Caller,
    /// The gateway: its configuration, or its own end.
    Gateway,
    /// The load: too many callers at the same time.
    Load,
    /// The upstream, or the network before it.
    Upstream,
}

impl Party {
    /// A short word for labels and logs: `caller`, `gateway`, `load` or `upstream`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Gateway => "gateway",
            Self::Load => "load",
            Self::Upstream => "upstream",
        }
    }
}
