//! The two eras of the protocol.

/// The era of a server.
///
/// A *legacy* server speaks revision 2025-11-25 or earlier and begins each session with `initialize`.
/// A *stateless* server speaks revision 2026-07-28 or later and keeps no sessions: every request
/// stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Era {
    /// Revision 2025-11-25 or earlier: sessions begin with `initialize`.
    Legacy,
    /// Revision 2026-07-28 or later: every request stands for itself.
    Stateless,
}

impl Era {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Stateless => "stateless",
        }
    }
}

/// How sessions with an endpoint begin: which of the protocol's two eras its server belongs to.
///
/// A transport that knows only one of them has no use for it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lifecycle {
    /// The transport detects it, and remembers it for a while.
    #[default]
    Auto,
    /// With `initialize`: revision 2025-11-25 or earlier.
    Legacy,
    /// Without: revision 2026-07-28 or later, where every request stands for itself.
    Stateless,
}

impl Lifecycle {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Legacy => "legacy",
            Self::Stateless => "stateless",
        }
    }
}
