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

use super::{handler::ProxyHandler, listen::acquire};
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
    pub(super) fn listen_for_session(&self, extensions: &Extensions) {
        for upstream in &self.proxy.upstreams {
            self.listen_for_session_at(upstream, extensions, false);
        }
    }

    /// Listens to the list changes of an upstream that has no sessions, for as long as the client's
    /// session lives. The handlers of an upstream's session pass on the changes of one that has.
    /// `has_gap`: changes may have been missed, which counts as a change of every list.
    pub(super) fn listen_for_session_at(
        &self,
        upstream: &Upstream,
        extensions: &Extensions,
        has_gap: bool,
    ) {
        let Some(to @ Destination::Client(_)) = self.conversation.destination() else {
            return;
        };
        let Ok(request) = self.request_in_session(upstream, extensions) else {
            return;
        };
        let forward = Forward::new(upstream.name(), &self.proxy.uris, to.clone());
        let (proxy, name) = (Arc::clone(&self.proxy), upstream.name().to_owned());
        let conversation = Arc::clone(&self.conversation);
        let listening = async move {
            let reached = async {
                let client = proxy.client(request).await?;
                let era = acquire(&client).await?.info().era;
                Ok((client, era))
            };
            let listened = match reached.await {
                Ok((client, Era::Stateless)) => {
                    listen_while_stateless(&client, &forward, has_gap).await
                }
                Ok(_) if has_gap => {
                    forward.all_changed(&list_changes()).await;
                    Ok(())
                }
                Ok(_) => Ok(()),
                Err(error) => {
                    // The next call that succeeds tries again: a client that is idle opens no session.
                    conversation.losses.note_unknown_era(&name);
                    Err(error)
                }
            };
            if let Err(error) = listened {
                proxy.not_heard(&name, &error);
            }
        };
        self.listeners
            .keep_one(upstream.name(), || tokio::spawn(listening).abort_handle());
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
}

/// Passes on the list changes of an upstream until it has sessions.
async fn listen_while_stateless(
    client: &PooledClient,
    forward: &Forward,
    has_gap: bool,
) -> Result<(), CallError> {
    match forward.list_changes(client, &list_changes(), has_gap).await {
        Err(CallError::NotInRevision(_)) => {
            // There may have been a change before its first session.
            forward.all_changed(&list_changes()).await;
            Ok(())
        }
        ended => ended,
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
