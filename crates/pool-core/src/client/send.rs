//! One request on one session.

use std::sync::Arc;

use rmcp::model::{ClientRequest, GetMeta};
use tokio::time::{Instant, timeout_at};

use crate::{
    error::{CallError, CallFailure, ConfigError, FaultKind, Outcome, SessionCondition},
    extend::{Answer, CallContext, Session},
    key::PooledSession,
};

/// Why a request on a session has no result.
pub(super) enum Failed {
    /// The server answered with an error.
    Answered(rmcp::ErrorData),
    /// The server answered with an error, and may have refused the session, not the request.
    Refused(rmcp::ErrorData),
    /// The deadline passed after the request was sent.
    TimedOut,
    /// The transport failed.
    Broken(CallFailure),
}

/// The key of `_meta` under which a request has the time that is left for it.
#[derive(Clone)]
pub(super) struct RemainingTimeKey(Arc<str>);

impl RemainingTimeKey {
    /// The key, if it is one of an application's own (revision 2025-11-25, basic, `_meta`).
    ///
    /// # Errors
    /// [`ConfigError::Bound`]: it is none.
    pub(super) fn new(key: &str) -> Result<Self, ConfigError> {
        let (prefix, name) = key.rsplit_once('/').unwrap_or_default();
        let labels: Vec<_> = prefix.split('.').collect();
        let is_own = labels.iter().all(|label| is_label(label))
            && !labels.iter().any(|label| RESERVED.contains(label))
            && is_name(name);
        match is_own {
            true => Ok(Self(key.into())),
            false => Err(ConfigError::bound(
                "remaining_time_meta",
                "a key of `_meta`",
                "a prefix of your own, a slash and a name, such as `example.com/remaining-ms`",
            )),
        }
    }

    /// Writes how many milliseconds are left until `deadline`.
    pub(super) fn write(&self, request: &mut ClientRequest, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        request
            .get_meta_mut()
            .insert(String::from(&*self.0), left.into());
    }
}

/// A label of a prefix: letters, digits and inner hyphens, beginning with a letter.
fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    label.starts_with(|first: char| first.is_ascii_alphabetic())
        && label.ends_with(|last: char| last.is_ascii_alphanumeric())
        && label.bytes().all(inner)
}

/// A name: letters, digits and inner hyphens, underscores and dots.
fn is_name(name: &str) -> bool {
    let is_end = |end: char| end.is_ascii_alphanumeric();
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.starts_with(is_end) && name.ends_with(is_end) && name.bytes().all(inner)
}

/// Prefixes with such a label are those of the protocol.
const RESERVED: [&str; 2] = ["mcp", "modelcontextprotocol"];

/// Sends one request and waits for its answer.
pub(super) async fn send(
    pooled: &PooledSession,
    request: ClientRequest,
    context: &CallContext,
    deadline: Instant,
) -> Result<Answer, Failed> {
    let call = pooled.session.driver().call(request, Some(context));
    match timeout_at(deadline, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => Err(Failed::Broken(failure)),
        Err(_) => Err(Failed::TimedOut),
    }
}

impl Failed {
    /// What an error of rmcp on a session means.
    pub(super) fn of(session: &Session, error: rmcp::ServiceError) -> Self {
        match error {
            rmcp::ServiceError::McpError(error) => Self::Answered(error),
            error => Self::Broken(session.driver().classify(&error)),
        }
    }

    /// The error that the caller gets.
    pub(super) fn surfaced(self) -> CallError {
        match (self.failure(), self) {
            (Some(failure), _) => CallError::of_failure(failure),
            (None, Self::Answered(error) | Self::Refused(error)) => CallError::Rpc(error),
            (None, _) => CallError::UnexpectedResult,
        }
    }

    /// The failure of the transport, if that is what it was.
    pub(super) fn failure(&self) -> Option<CallFailure> {
        match self {
            Self::Answered(_) | Self::Refused(_) => None,
            Self::TimedOut => {
                let failure = CallFailure::new(Outcome::Unknown, FaultKind::Timeout);
                Some(failure.with_session(SessionCondition::Suspect))
            }
            Self::Broken(failure) => Some(failure.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_ones_own_is_taken_and_those_of_the_protocol_are_not() {
        for key in ["example.com/remaining-ms", "a/b", "x-y.z9/Left_ms.v1"] {
            assert!(RemainingTimeKey::new(key).is_ok(), "{key}");
        }
        for key in [
            "",
            "/",
            "progressToken",
            "traceparent",
            "a/",
            "/a",
            "io.modelcontextprotocol/left",
            "mcp/left",
            "tools.mcp.com/left",
            "1a/left",
            "a-/left",
            "a..b/left",
            "a b/left",
            "a/left ",
            "a/\u{e9}",
            "a/-left",
        ] {
            let error = RemainingTimeKey::new(key).err().expect(key);
            assert!(error.to_string().contains("remaining_time_meta"), "{error}");
        }
    }
}
