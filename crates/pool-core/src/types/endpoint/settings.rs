//! The settings of an endpoint.

use std::num::NonZeroU32;

use super::endpoint::Endpoint;
use crate::types::era::Lifecycle;

/// Settings.
impl Endpoint {
    /// Names the gateway entry this endpoint belongs to. Default: none.
    ///
    /// Two gateway entries on one URL never share a session, and
    /// [`SessionPool::evict`](crate::SessionPool::evict) retires one of them alone.
    #[must_use]
    pub fn with_gateway(self, gateway: impl Into<String>) -> Self {
        let gateway = gateway.into().into_boxed_str();
        self.change(|inner| {
            inner.upstream = gateway.clone();
            inner.gateway = Some(gateway);
        })
    }

    /// Sets how sessions with the endpoint begin. Default: [`Lifecycle::Auto`].
    #[must_use]
    pub fn with_lifecycle(self, lifecycle: Lifecycle) -> Self {
        self.change(|inner| inner.lifecycle = lifecycle)
    }

    /// Declares that the server keeps no state for a session and shows every caller the same, so
    /// that [`Scope::Shared`](crate::Scope::Shared) is allowed. Default: not declared.
    #[must_use]
    pub fn declared_stateless_and_public(self) -> Self {
        self.change(|inner| inner.shareable = true)
    }

    /// How many calls may run on one session of this endpoint at the same time, whatever its era.
    ///
    /// Default: the limits of [`LimitsConfig`](crate::config::LimitsConfig) for sessions with a
    /// state, for conversations, and for sessions without a state.
    #[must_use]
    pub fn with_max_concurrent_per_session(self, slots: NonZeroU32) -> Self {
        self.change(|inner| inner.slots = Some(slots))
    }

    /// How many sessions each key of this endpoint keeps ready for calls to come.
    ///
    /// Default: [`min_idle_per_key`](crate::config::LimitsConfig::min_idle_per_key). Of endpoints that differ
    /// in this alone, which share sessions, the one that a key was created with counts.
    #[must_use]
    pub fn with_min_idle(self, sessions: usize) -> Self {
        self.change(|inner| inner.min_idle = Some(sessions))
    }

    /// How many leases on sessions of this endpoint there may be, of all callers together.
    ///
    /// Default: [`max_calls_per_endpoint`](crate::config::LimitsConfig::max_calls_per_endpoint). Of
    /// endpoints that differ in this alone, which share the quota, the one that a key was created with last
    /// counts, or the one of the last
    /// [`SessionPool::update_endpoint`](crate::SessionPool::update_endpoint).
    #[must_use]
    pub fn with_max_calls(self, calls: NonZeroU32) -> Self {
        self.change(|inner| inner.max_calls = Some(calls))
    }

    /// How many sessions with this endpoint there may be, of all callers together.
    ///
    /// Default: [`max_sessions_per_endpoint`](crate::config::LimitsConfig::max_sessions_per_endpoint). Of
    /// endpoints that differ in this alone one counts, as for [`with_max_calls`](Self::with_max_calls).
    #[must_use]
    pub fn with_max_sessions(self, sessions: NonZeroU32) -> Self {
        self.change(|inner| inner.max_sessions = Some(sessions))
    }

    /// Names the client of the connector that reaches the endpoint: with a certificate of its own, a
    /// private certificate authority, a proxy. It is part of the key. Default: the connector's default
    /// client. The connectors over HTTP add clients by name (`with_client`) and replace them while
    /// sessions use them (`replace_client`); see
    /// [`SessionPool::update_endpoint`](crate::SessionPool::update_endpoint).
    #[must_use]
    pub fn with_client(self, name: impl Into<String>) -> Self {
        self.change(|inner| inner.client = Some(name.into().into_boxed_str()))
    }

    /// Declares that the hints of the server's tools are true, so that a call whose connection broke is
    /// repeated where its tool has `idempotentHint` or `readOnlyHint`, as if the client were
    /// [`repeatable`](crate::PooledClient::repeatable). Default: not declared, since a server's hints
    /// are not to be trusted unless the server is (revision 2025-11-25, tools).
    ///
    /// The hints are those of the list of tools that is cached for the caller's own key, while it is
    /// fresh: set [`tool_list_ttl`](crate::config::ToolCacheConfig::tool_list_ttl) and list the tools.
    /// Without such a list no hint counts. Endpoints that differ in this alone share sessions.
    #[must_use]
    pub fn with_trusted_tool_hints(self) -> Self {
        self.change(|inner| inner.trusts_tool_hints = true)
    }

    /// How sessions with the endpoint begin.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        self.0.lifecycle
    }

    /// Whether the endpoint was declared stateless and public.
    #[must_use]
    pub fn is_declared_stateless_and_public(&self) -> bool {
        self.0.shareable
    }

    /// The endpoint's own limit of calls at the same time on one session, if it has one.
    #[must_use]
    pub fn max_concurrent_per_session(&self) -> Option<NonZeroU32> {
        self.0.slots
    }

    /// The endpoint's own number of sessions that a key keeps ready, if it has one.
    #[must_use]
    pub fn min_idle(&self) -> Option<usize> {
        self.0.min_idle
    }

    /// The endpoint's own quota of leases, if it has one.
    #[must_use]
    pub fn max_calls(&self) -> Option<NonZeroU32> {
        self.0.max_calls
    }

    /// The endpoint's own quota of sessions, if it has one.
    #[must_use]
    pub fn max_sessions(&self) -> Option<NonZeroU32> {
        self.0.max_sessions
    }

    /// The client of the connector, if one was named.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.0.client.as_deref()
    }

    /// The endpoint without the settings that no key follows from.
    pub(crate) fn plain(&self) -> Self {
        let inner = &self.0;
        let is_plain = !inner.shareable
            && !inner.trusts_tool_hints
            && inner.slots.is_none()
            && !inner.shares_cookies
            && inner.affinity.is_none()
            && inner.min_idle.is_none()
            && inner.max_calls.is_none()
            && inner.max_sessions.is_none();
        if is_plain {
            return self.clone();
        }
        self.clone().change(|inner| {
            (inner.shareable, inner.trusts_tool_hints) = (false, false);
            (inner.slots, inner.min_idle) = (None, None);
            (inner.max_calls, inner.max_sessions) = (None, None);
            (inner.shares_cookies, inner.affinity) = (false, None);
        })
    }

    /// Whether the hints of the server's tools were declared to be true.
    #[must_use]
    pub fn has_trusted_tool_hints(&self) -> bool {
        self.0.trusts_tool_hints
    }
}
