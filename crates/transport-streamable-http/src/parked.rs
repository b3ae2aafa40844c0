//! A session as bytes.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use mcp_pool_core::extend::ParkedSession;
use mcp_pool_http::SessionCookie;
use rmcp::model::{ProtocolVersion, ServerPeerInfo};
use serde::{Deserialize, Serialize};

use crate::request::is_valid_session_id;

/// What another process needs to go on with a session of the legacy era: no credential, no id of a
/// request, and cookies only where the endpoint declares that they are no logins.
#[derive(Serialize, Deserialize)]
pub(crate) struct Parked {
    schema: u32,
    /// The session id, if the server assigned one.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// The result of `initialize`, which names the revision.
    server: ServerPeerInfo,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<ParkedCookie>,
}

/// A cookie, with its end in milliseconds of Unix time.
#[derive(Serialize, Deserialize)]
struct ParkedCookie {
    name: String,
    value: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

impl ParkedCookie {
    fn of(cookie: SessionCookie) -> Self {
        let millis = |date: SystemTime| {
            let since = date.duration_since(SystemTime::UNIX_EPOCH);
            u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
        };
        Self {
            name: cookie.name,
            value: cookie.value,
            path: cookie.path,
            expires_at: cookie.expires_at.map(millis),
        }
    }

    fn into_cookie(self) -> SessionCookie {
        let date = |millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
        SessionCookie {
            name: self.name,
            value: self.value,
            path: self.path,
            expires_at: self.expires_at.and_then(date),
        }
    }
}

impl Parked {
    pub(crate) fn new(session: Option<&str>, server: &ServerPeerInfo) -> Self {
        Self {
            schema: SCHEMA,
            session: session.map(str::to_owned),
            server: server.clone(),
            cookies: Vec::new(),
        }
    }

    /// The same with the cookies of the session.
    pub(crate) fn with_cookies(mut self, cookies: Vec<SessionCookie>) -> Self {
        self.cookies = cookies.into_iter().map(ParkedCookie::of).collect();
        self
    }

    pub(crate) fn take_cookies(&mut self) -> Vec<SessionCookie> {
        let cookies = std::mem::take(&mut self.cookies);
        cookies.into_iter().map(ParkedCookie::into_cookie).collect()
    }

    /// Writes the session. `None` where it cannot be written as JSON.
    pub(crate) fn write(&self) -> Option<ParkedSession> {
        let bytes = serde_json::to_vec(self).ok()?;
        Some(ParkedSession::from_bytes(bytes))
    }

    /// Reads a session that another process has written. `None`: it is of another schema, or is no
    /// session.
    pub(crate) fn read(parked: &ParkedSession) -> Option<Self> {
        let read: Self = serde_json::from_slice(parked.as_bytes()).ok()?;
        let is_valid = read.session.as_deref().is_none_or(is_valid);
        (read.schema == SCHEMA && is_valid).then_some(read)
    }

    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(crate) fn revision(&self) -> &ProtocolVersion {
        &self.server.protocol_version
    }

    pub(crate) fn into_server(self) -> ServerPeerInfo {
        self.server
    }
}

fn is_valid(session: &str) -> bool {
    HeaderValue::from_str(session).is_ok_and(|id| is_valid_session_id(&id))
}

/// Changes with every change of the fields that an older reader would misread.
const SCHEMA: u32 = 2;

#[cfg(test)]
mod tests {
    use rmcp::model::ServerCapabilities;

    use super::*;

    fn info() -> ServerPeerInfo {
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        ServerPeerInfo::new(version, ServerCapabilities::default()).with_instructions("be brief")
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        for session in [None, Some("s-1")] {
            let parked = Parked::new(session, &info()).write().unwrap();
            let read = Parked::read(&parked).unwrap();
            assert_eq!(read.session(), session);
            assert_eq!(*read.revision(), ProtocolVersion::LATEST_WITH_INITIALIZE);
            assert_eq!(read.into_server(), info());
        }
    }

    #[test]
    fn what_no_connector_of_this_schema_wrote_is_not_read() {
        let text = |change: fn(&mut serde_json::Value)| {
            let parked = Parked::new(Some("s-1"), &info()).write().unwrap();
            let mut value = serde_json::from_slice(parked.as_bytes()).unwrap();
            change(&mut value);
            ParkedSession::from_bytes(value.to_string().into_bytes())
        };
        assert!(Parked::read(&text(|_| ())).is_some());
        assert!(Parked::read(&text(|it| it["schema"] = 1.into())).is_none());
        assert!(Parked::read(&text(|it| it["session"] = "a b".into())).is_none());
        assert!(Parked::read(&text(|it| it["session"] = "a\nb".into())).is_none());
        assert!(Parked::read(&text(|it| it["server"] = 1.into())).is_none());
        assert!(Parked::read(&ParkedSession::from_bytes(b"{".to_vec())).is_none());
    }
}
