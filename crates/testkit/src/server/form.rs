//! How a server speaks.

use rmcp::model::ProtocolVersion;

/// How a server speaks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Form {
    /// Whether it keeps sessions, for clients that begin with `initialize`. Default: yes.
    pub sessions: bool,
    /// Whether it answers with JSON rather than with events, where it keeps no session.
    /// Default: no.
    pub json: bool,
    /// Which revisions it speaks. Default: [`Revisions::Legacy`].
    pub revisions: Revisions,
    /// Whether it speaks HTTP+SSE. Default: no.
    pub sse: bool,
    /// Whether it speaks Streamable HTTP. Default: yes.
    pub streamable_http: bool,
}

/// Which revisions a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revisions {
    /// All that rmcp knows.
    Both,
    /// Those with `initialize`: up to 2025-11-25.
    Legacy,
    /// Those without: 2026-07-28.
    Stateless,
}

impl Default for Form {
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

impl Form {
    /// Without sessions for any client.
    #[must_use]
    pub fn without_sessions(mut self) -> Self {
        self.sessions = false;
        self
    }

    /// Answering with JSON.
    #[must_use]
    pub fn with_json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Over HTTP+SSE alone.
    #[must_use]
    pub fn over_sse(mut self) -> Self {
        (self.sse, self.streamable_http) = (true, false);
        self
    }

    /// Over HTTP+SSE and Streamable HTTP, at the same address.
    #[must_use]
    pub fn over_both(mut self) -> Self {
        (self.sse, self.streamable_http) = (true, true);
        self
    }

    /// Speaking only revisions with `initialize`. So it is by default.
    #[must_use]
    pub fn legacy_only(mut self) -> Self {
        self.revisions = Revisions::Legacy;
        self
    }

    /// Speaking revision 2026-07-28 only, and keeping no sessions.
    #[must_use]
    pub fn stateless_only(mut self) -> Self {
        self.revisions = Revisions::Stateless;
        self.without_sessions()
    }

    /// Speaking every revision.
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
