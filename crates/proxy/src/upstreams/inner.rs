//! What all handlers of a proxy share.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{AcquireRequest, PooledClient, SessionPool, error::CallError};
use rmcp::model::Implementation;
use tokio_util::sync::CancellationToken;

use super::{unavailable::Unavailable, upstream::Upstream};
use crate::naming::NamePolicy;

/// What all handlers of a proxy share.
pub(crate) struct Inner {
    pub(crate) pool: SessionPool,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) mode: Mode,
    pub(crate) names: Arc<dyn NamePolicy>,
    pub(crate) uris: Arc<dyn NamePolicy>,
    pub(crate) server_info: Implementation,
    pub(crate) list_timeout: Duration,
    pub(crate) allow_anonymous: bool,
    /// Cancelled when the gateway shuts down.
    pub(crate) shutdown: CancellationToken,
    pub(crate) on_unavailable: Option<Box<Report>>,
}

/// Receives each upstream that did not contribute to an answer.
pub(crate) type Report = dyn Fn(&Unavailable<'_>) + Send + Sync;

/// Whether a proxy changes names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Names are changed, lists are merged.
    Several,
    /// Everything is as the upstream has it.
    Single,
}

impl Inner {
    /// The upstream with this name; the only one in a proxy for a single one.
    pub(crate) fn upstream(&self, name: &str) -> Option<&Upstream> {
        match self.mode {
            Mode::Single => self.upstreams.first(),
            Mode::Several => self.upstreams.iter().find(|one| one.name() == name),
        }
    }

    /// The client of a request.
    pub(crate) async fn client(&self, request: AcquireRequest) -> Result<PooledClient, CallError> {
        let client = self.pool.client(request).await;
        client.map_err(|error| CallError::Acquire(Arc::new(error)))
    }

    /// Reports an upstream that a client's subscription does not hear.
    pub(crate) fn not_heard(&self, upstream: &str, error: &CallError) {
        self.unavailable(&Unavailable {
            upstream,
            method: "subscriptions/listen",
            error: Some(error),
        });
    }

    /// Reports an upstream that did not contribute to an answer.
    pub(crate) fn unavailable(&self, unavailable: &Unavailable<'_>) {
        let reason = unavailable.error.map(CallError::label);
        tracing::warn!(
            upstream = unavailable.upstream,
            method = unavailable.method,
            reason = reason.as_deref().unwrap_or("list_timeout"),
            "an upstream is left out of an answer"
        );
        if let Some(report) = &self.on_unavailable {
            report(unavailable);
        }
    }
}
