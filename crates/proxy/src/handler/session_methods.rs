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
        ClientRequest, ErrorCode, Extensions, ServerResult, SubscribeRequest,
        SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequest, UnsubscribeRequestParams,
    },
    service::RequestContext,
};

use super::handler::ProxyHandler;
use crate::{
    fault::Fault,
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

    /// Sends a request that only sessions have. A stateless upstream needs none.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) async fn ask_session(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
        request: ClientRequest,
    ) -> Result<(), ErrorData> {
        match self.is_stateless(self.request(upstream, context)?).await? {
            true => Ok(()),
            false => self.ask(upstream, context, request).await.map(drop),
        }
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

    /// Listens to the list changes of those upstreams that have no sessions.
    pub(super) async fn listen_for_session(&self, extensions: &Extensions) {
        for upstream in &self.proxy.upstreams {
            let Ok(request) = self.request_in_session(upstream, extensions) else {
                return;
            };
            if self.is_stateless(request.clone()).await == Ok(true) {
                let filter = list_changes();
                self.listen_at(upstream, request, filter, upstream.name().to_owned());
            }
        }
    }

    /// Subscribes to a resource.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and no upstream has the resource.
    pub(super) async fn subscribe_for_session(
        &self,
        mut params: SubscribeRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let uri = params.uri.clone();
        let (upstream, own) = self.by_uri(&uri)?;
        let request = self.request(upstream, context)?;
        if self.is_stateless(request.clone()).await? {
            let mut filter = SubscriptionFilter::default();
            filter.resource_subscriptions = Some(vec![own.to_owned()]);
            self.listen_at(upstream, request, filter, subscription(&uri));
            return Ok(());
        }
        own.clone_into(&mut params.uri);
        let request = ClientRequest::SubscribeRequest(SubscribeRequest::new(params));
        self.ask(upstream, context, request).await.map(drop)
    }

    /// Ends the subscription to a resource.
    ///
    /// # Errors
    /// As [`subscribe_for_session`](Self::subscribe_for_session).
    pub(super) async fn unsubscribe_for_session(
        &self,
        mut params: UnsubscribeRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let uri = params.uri.clone();
        let (upstream, own) = self.by_uri(&uri)?;
        self.listeners.end(&subscription(&uri));
        own.clone_into(&mut params.uri);
        let request = ClientRequest::UnsubscribeRequest(UnsubscribeRequest::new(params));
        self.ask_session(upstream, context, request).await
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
    async fn is_stateless(&self, request: AcquireRequest) -> Result<bool, ErrorData> {
        let lease = self.proxy.pool.acquire(&request).await;
        let lease = lease.map_err(|error| Fault::of_acquire(&error).to_error())?;
        Ok(lease.info().era == Era::Stateless)
    }

    /// Passes on what a stateless upstream sends, for as long as the session lives.
    fn listen_at(
        &self,
        upstream: &Upstream,
        request: AcquireRequest,
        filter: SubscriptionFilter,
        name: String,
    ) {
        let Some(Destination::Client(peer)) = self.conversation.destination() else {
            return;
        };
        let forward = Forward::new(
            upstream.name(),
            &self.proxy.uris,
            Destination::Client(peer.clone()),
        );
        let proxy = Arc::clone(&self.proxy);
        let upstream = upstream.name().to_owned();
        let task = tokio::spawn(async move {
            let listened = match proxy.pool.client(request).await {
                Ok(client) => forward.run(&client, filter).await,
                Err(error) => Err(CallError::Acquire(Arc::new(error))),
            };
            match listened {
                Err(CallError::Rpc(error)) if error.code == ErrorCode::METHOD_NOT_FOUND => {}
                Err(error) => proxy.unavailable(&Unavailable {
                    upstream: &upstream,
                    method: "subscriptions/listen",
                    error: Some(&error),
                }),
                Ok(()) => {}
            }
        });
        self.listeners.keep(name, task.abort_handle());
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
