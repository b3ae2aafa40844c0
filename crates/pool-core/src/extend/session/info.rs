//! What is known of a session.

use std::{borrow::Cow, sync::LazyLock};

use rmcp::model::ProtocolVersion;

use super::{
    close_notifier::CloseNotifier, metadata::SessionMetadata, server_stream::ServerStreamState,
    stream_state::ServerStream,
};
use crate::types::{Era, Fingerprint};

/// What is known of a session. Holds no secret: the server's session id only as a fingerprint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The era of the server.
    pub era: Era,
    /// The negotiated protocol revision, such as `2025-11-25`.
    pub protocol_version: Cow<'static, str>,
    /// The server's session id as a fingerprint; `None` when the server issued none.
    pub session: Option<Fingerprint>,
    /// How many calls may run on the session at the same time, where the transport knows better
    /// than the request's configuration.
    pub max_concurrent: Option<u32>,
    /// The network protocol and its transport for spans, such as `http` over `tcp`; `None` where
    /// there is no network.
    pub network: Option<(&'static str, &'static str)>,
    /// Values of a user's own, attached by [`Hooks::after_connect`](crate::extend::Hooks).
    pub metadata: SessionMetadata,
    /// `None`: there is no stream, and never will be.
    server_stream: Option<ServerStreamState>,
}

impl SessionInfo {
    /// The info of a session that speaks this revision.
    #[must_use]
    pub fn new(era: Era, protocol_version: impl AsRef<str>) -> Self {
        Self::beside(&CloseNotifier::default(), era, protocol_version)
    }

    /// The same, in one block of memory with the notifier of the session and the state of its stream.
    ///
    /// ```
    /// use mcp_pool_core::extend::{CloseNotifier, Era, ServerStream, SessionInfo};
    /// let notifier = CloseNotifier::default();
    /// let info = SessionInfo::beside(&notifier, Era::Legacy, "2025-11-25");
    /// let info = info.with_server_stream(notifier.server_stream());
    /// notifier.server_stream().set(ServerStream::Open);
    /// assert_eq!(info.server_stream(), ServerStream::Open);
    /// ```
    #[must_use]
    pub fn beside(notifier: &CloseNotifier, era: Era, protocol_version: impl AsRef<str>) -> Self {
        Self {
            era,
            protocol_version: revision(protocol_version.as_ref()),
            session: None,
            max_concurrent: None,
            network: None,
            metadata: notifier.metadata(),
            server_stream: None,
        }
    }

    /// Adds the fingerprint of the server's session id.
    #[must_use]
    pub fn with_session_id(mut self, id: &str) -> Self {
        self.session = Some(Fingerprint::of("mcp-session-id", id.as_bytes()));
        self
    }

    /// Sets the network protocol and its transport, by the names of the OpenTelemetry attributes
    /// `network.protocol.name` and `network.transport`.
    #[must_use]
    pub fn with_network(mut self, protocol: &'static str, transport: &'static str) -> Self {
        self.network = Some((protocol, transport));
        self
    }

    /// Sets the state of the stream on which the server sends messages that belong to no call.
    /// Default: there is none.
    #[must_use]
    pub fn with_server_stream(mut self, state: ServerStreamState) -> Self {
        self.server_stream = Some(state);
        self
    }

    /// Whether the session has a stream for the messages of its server that belong to no call, now.
    /// The event of a change is
    /// [`Observer::server_stream_changed`](crate::extend::Observer::server_stream_changed).
    #[must_use]
    pub fn server_stream(&self) -> ServerStream {
        let state = self.server_stream.as_ref();
        state.map_or(ServerStream::Absent, ServerStreamState::get)
    }

    /// The state of the stream; one that never changes where there is none.
    pub(crate) fn server_stream_or_none(&self) -> &ServerStreamState {
        static NONE: LazyLock<ServerStreamState> = LazyLock::new(ServerStreamState::default);
        self.server_stream.as_ref().unwrap_or(&NONE)
    }

    /// The state of the stream; `None` where there is none, and never will be.
    pub(crate) fn server_stream_state(&self) -> Option<&ServerStreamState> {
        self.server_stream.as_ref()
    }

    /// Sets how many calls may run on the session at the same time.
    #[must_use]
    pub fn with_max_concurrent(mut self, calls: u32) -> Self {
        self.max_concurrent = Some(calls);
        self
    }
}

/// The text of a revision. A known one takes no memory of its own.
fn revision(text: &str) -> Cow<'static, str> {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter();
    let mut known = known.map(ProtocolVersion::as_str);
    let known = known.find(|known| *known == text);
    known.map_or_else(|| text.to_owned().into(), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_revision_takes_no_memory_and_another_one_is_kept() {
        for known in ["2025-11-25", "2026-07-28"] {
            let info = SessionInfo::new(Era::Legacy, String::from(known));
            assert!(matches!(info.protocol_version, Cow::Borrowed(it) if it == known));
        }
        let info = SessionInfo::new(Era::Legacy, "2024-10-07");
        assert_eq!(info.protocol_version, "2024-10-07");
    }

    #[test]
    fn values_are_not_those_of_another_session() {
        let (one, other) = (CloseNotifier::default(), CloseNotifier::default());
        let info = |notifier| SessionInfo::beside(notifier, Era::Legacy, "2025-11-25");
        info(&one).metadata.insert(7_u8);
        assert_eq!(info(&one).metadata.get::<u8>().as_deref(), Some(&7));
        assert!(info(&other).metadata.get::<u8>().is_none());
    }
}
