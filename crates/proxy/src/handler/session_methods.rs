//! Methods of downstream sessions, at upstreams with sessions and without.
#![expect(
    deprecated,
    reason = "clients of the revisions with sessions subscribe"
)]

use std::sync::Arc;

use mcp_pool_core::{AcquireRequest, PooledClient, error::CallError, extend::Era};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientRequest, Extensions, ServerResult, SetLevelRequestParams, SubscribeRequestParams,
        SubscriptionFilter, UnsubscribeRequestParams,
    },
    service::RequestContext,
};

use super::handler::ProxyHandler;
use crate::{
    session::{Destination, Forward},
    upstreams::{Unavailable, Upstream},
};

impl ProxyHandler {
    /// Sends any request to the upstream.
    ///
    /// # Errors
    /// What the failure comes to for the client.
    pub(super) async fn ask(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
        request: ClientRequest,
    ) -> Result<ServerResult, ErrorData> {
        let call = |client: PooledClient| async move { client.request(request).await };
        self.run(upstream, context, call).await
    }

    /// The requests for the first sessions of a downstream session, which has no id yet.
    ///
    /// # Errors
    /// There is no caller.
    pub(super) fn first_requests(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<Vec<AcquireRequest>, ErrorData> {
        let caller = self.caller(&context.extensions)?;
        let _ = self.conversation.belongs_to(&caller);
        let upstreams = self.proxy.upstreams.iter();
        upstreams
            .map(|upstream| self.request_in_session(upstream, &context.extensions))
            .collect()
    }

    /// Has an upstream log at this level, on every session that it has for the client.
    ///
    /// # Errors
    /// What the failure comes to for the client.
    pub(super) async fn set_level_at(
        &self,
        upstream: &Upstream,
        params: &SetLevelRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let level = params.level;
        let call = |client: PooledClient| async move { client.set_log_level(level).await };
        self.run(upstream, context, call).await
    }

    /// Listens to the list changes of those upstreams that have no sessions.
    pub(super) async fn listen_for_session(&self, extensions: &Extensions) {
        for upstream in &self.proxy.upstreams {
            let Ok(request) = self.request_in_session(upstream, extensions) else {
                return;
            };
            if matches!(self.is_stateless(request.clone()).await, Ok(true)) {
                self.listen_at(upstream, request);
            }
        }
    }

    /// Subscribes to a resource.
    ///
    /// # Errors
    /// What the failure comes to for the client, and no upstream has the resource.
    pub(super) async fn subscribe_for_session(
        &self,
        params: SubscribeRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut own = params.uri.clone();
        let upstream = self.by_uri(&mut own)?;
        let call = |client: PooledClient| async move { client.subscribe(&own).await };
        let updates = self.run(upstream, context, call).await?;
        let Some(to) = self.conversation.destination() else {
            return Ok(());
        };
        let forward = Forward::new(upstream.name(), &self.proxy.uris, to.clone());
        let proxy = Arc::clone(&self.proxy);
        let name = upstream.name().to_owned();
        let task = tokio::spawn(async move {
            if let Err(error) = forward.updates(updates, None).await {
                proxy.unavailable(&Unavailable {
                    upstream: &name,
                    method: "resources/subscribe",
                    error: Some(&error),
                });
            }
        });
        self.listeners
            .keep(subscription(&params.uri), task.abort_handle());
        Ok(())
    }

    /// Ends the subscription to a resource.
    ///
    /// # Errors
    /// No upstream has the resource.
    pub(super) fn unsubscribe_for_session(
        &self,
        params: &UnsubscribeRequestParams,
    ) -> Result<(), ErrorData> {
        self.by_uri(&mut params.uri.clone())?;
        self.listeners.end(&subscription(&params.uri));
        Ok(())
    }

    fn request_in_session(
        &self,
        upstream: &Upstream,
        extensions: &Extensions,
    ) -> Result<AcquireRequest, ErrorData> {
        let request = self.request_of_caller(upstream, extensions)?;
        Ok(self.in_conversation(request, upstream, &self.conversation))
    }

    /// True where the upstream has no sessions.
    async fn is_stateless(&self, request: AcquireRequest) -> Result<bool, CallError> {
        let lease = self.proxy.pool.acquire(&request).await;
        let lease = lease.map_err(|error| CallError::Acquire(Arc::new(error)))?;
        Ok(lease.info().era == Era::Stateless)
    }

    /// Passes on the list changes of a stateless upstream, for as long as the session lives.
    fn listen_at(&self, upstream: &Upstream, request: AcquireRequest) {
        let Some(to) = self.conversation.destination() else {
            return;
        };
        if !matches!(to, Destination::Client(_)) {
            return;
        }
        let forward = Forward::new(upstream.name(), &self.proxy.uris, to.clone());
        let proxy = Arc::clone(&self.proxy);
        let name = upstream.name().to_owned();
        let task = tokio::spawn(async move {
            let listening = async {
                let client = proxy.pool.client(request).await;
                let client = client.map_err(|error| CallError::Acquire(Arc::new(error)))?;
                forward.list_changes(&client, &list_changes()).await
            };
            if let Err(error) = listening.await {
                proxy.unavailable(&Unavailable {
                    upstream: &name,
                    method: "subscriptions/listen",
                    error: Some(&error),
                });
            }
        });
        self.listeners
            .keep(upstream.name().to_owned(), task.abort_handle());
    }
}

fn list_changes() -> SubscriptionFilter {
    let mut filter = SubscriptionFilter::default();
    filter.tools_list_changed = Some(true);
    filter.prompts_list_changed = Some(true);
    filter.resources_list_changed = Some(true);
    filter
}

/// The name under which the subscription to a resource is kept. No upstream has such a name.
fn subscription(uri: &str) -> String {
    format!("resource {uri}")
}
