//! Which caller a downstream session belongs to.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use moka::sync::Cache;

use crate::caller::Caller;

/// Which caller a downstream session belongs to. A session id is no authentication: it does not
/// open a session to the token of another user.
#[derive(Clone)]
pub(super) struct Owners(Cache<HeaderValue, Arc<Caller>>);

impl Owners {
    pub(super) fn new() -> Self {
        let cache = Cache::builder().max_capacity(MAX_SESSIONS);
        Self(cache.time_to_idle(IDLE).build())
    }

    /// True where the session that a request names is its caller's, or none is named.
    pub(super) fn allow(&self, headers: &HeaderMap, caller: &Caller) -> bool {
        match headers.get(SESSION_ID) {
            Some(id) => self.0.get(id).is_some_and(|owner| *owner == *caller),
            None => true,
        }
    }

    /// Notes the session that a response to this caller names.
    pub(super) fn note(&self, headers: &HeaderMap, caller: &Arc<Caller>) {
        if let Some(id) = headers.get(SESSION_ID) {
            let owner = || Arc::clone(caller);
            self.0.get_with_by_ref(id, owner);
        }
    }
}

const SESSION_ID: &str = "mcp-session-id";
/// 100 bytes each.
const MAX_SESSIONS: u64 = 100_000;
/// A client whose session was forgotten opens another one.
const IDLE: Duration = Duration::from_secs(24 * 3600);
