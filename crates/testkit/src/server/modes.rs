//! The modes of a server.

use rmcp::model::ProtocolVersion;

/// The protocol features that a server uses.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Modes {
    /// The server keeps sessions for clients that begin with `initialize`. Default: true.
    pub sessions: bool,
    /// The server answers with JSON, not events, where it keeps no session. Default: false.
    pub json: bool,
    /// The revisions that the server supports. Default: [`Revisions::Legacy`].
    pub revisions: Revisions,
    /// The server supports HTTP+SSE. Default: false.
    pub sse: bool,
    /// The server supports Streamable HTTP. Default: true.
    pub streamable_http: bool,
}

/// The protocol revisions that a server supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revisions {
    /// All that rmcp supports.
    Both,
    /// The revisions with `initialize`: up to 2025-11-25.
    Legacy,
    /// The revisions without `initialize`: 2026-07-28.
    Stateless,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            sessions: true,
            json: false,
            revisions: Revisions::Legacy,
            sse: false,
            streamable_http: true,
        }
    }
}

impl Modes {
    /// Keeps no session for any client.
    #[must_use]
    pub fn without_sessions(mut self) -> Self {
        self.sessions = false;
        self
    }

    /// Answers with JSON.
    #[must_use]
    pub fn with_json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Supports HTTP+SSE only.
    #[must_use]
    pub fn over_sse(mut self) -> Self {
        (self.sse, self.streamable_http) = (true, false);
        self
    }

    /// Supports HTTP+SSE and Streamable HTTP at the same address.
    #[must_use]
    pub fn over_both(mut self) -> Self {
        (self.sse, self.streamable_http) = (true, true);
        self
    }

    /// Supports only the revisions with `initialize`. The default.
    #[must_use]
    pub fn legacy_only(mut self) -> Self {
        self.revisions = Revisions::Legacy;
        self
    }

    /// Supports revision 2026-07-28 only, and keeps no session.
    #[must_use]
    pub fn stateless_only(mut self) -> Self {
        self.revisions = Revisions::Stateless;
        self.without_sessions()
    }

    /// Supports every revision.
    #[must_use]
    pub fn of_both_eras(mut self) -> Self {
        self.revisions = Revisions::Both;
        self
    }
}

impl Revisions {
    pub(crate) fn versions(self) -> &'static [ProtocolVersion] {
        let legacy = ProtocolVersion::known_up_to(&ProtocolVersion::LATEST_WITH_INITIALIZE);
        match self {
            Self::Both => ProtocolVersion::KNOWN_VERSIONS,
            Self::Legacy => legacy,
            Self::Stateless => &ProtocolVersion::KNOWN_VERSIONS[legacy.len()..],
        }
    }
}
