//! The open set of transports.

use std::{borrow::Cow, fmt};

/// Names a transport. An open newtype: a new transport needs no change here.
///
/// Two kinds are equal when their names are equal.
///
/// ```
/// use mcp_pool_core::TransportKind;
/// assert_eq!(TransportKind::SSE.to_string(), "sse");
/// assert_eq!(TransportKind::STREAMABLE_HTTP.to_string(), "streamablehttp");
/// assert_eq!(TransportKind::new("stdio"), TransportKind::new(String::from("stdio")));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportKind(Cow<'static, str>);

impl TransportKind {
    /// The transport is detected before the pool makes a key, so that no key, session or connector
    /// has this kind: see [`Endpoint::auto`](crate::Endpoint::auto).
    pub const AUTO: Self = Self(Cow::Borrowed("auto"));
    /// HTTP+SSE of revision 2024-11-05.
    pub const SSE: Self = Self(Cow::Borrowed("sse"));
    /// Streamable HTTP, revisions 2025-03-26 and later.
    pub const STREAMABLE_HTTP: Self = Self(Cow::Borrowed("streamablehttp"));

    /// A transport of one's own; the name is used as a metrics label, so keep it short.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for TransportKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for TransportKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(Self::new(name))
    }
}
