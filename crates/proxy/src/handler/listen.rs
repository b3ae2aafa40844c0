//! What upstreams send outside of any call, where one side has sessions and the other has none.
#![expect(
    deprecated,
    reason = "servers of the revisions with sessions have subscriptions"
)]

use std::sync::Arc;

use futures::future::join_all;
use mcp_pool_core::{EvictMode, Lease, PooledClient, Selector, error::CallError, extend::Era};
use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, ClientRequest, SubscribeRequest, SubscribeRequestParams,
        SubscriptionFilter,
    },
    service::SubscriptionContext,
};

use super::handler::ProxyHandler;
use crate::{
    session::{Conversation, Destination, Forward},
    upstreams::{Inner, Unavailable, Upstream},
};

impl ProxyHandler {
    /// Serves a subscription of a client without a session, until the client ends it.
    ///
    /// # Errors
    /// There is no caller.
    pub(super) async fn serve_subscription(
        &self,
        context: &SubscriptionContext,
    ) -> Result<(), ErrorData> {
        self.caller(&context.request_context().extensions)?;
        let upstreams = self.proxy.upstreams.iter();
        let each = upstreams.map(|upstream| self.listen_to(upstream, context));
        let all = async {
            join_all(each).await;
            // The client's subscription outlives those of upstreams that are gone.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = all => {}
            () = context.cancelled() => {}
            // The client gets the end of its subscription as a result.
            () = self.proxy.shutdown.cancelled() => {}
        }
        Ok(())
    }

    /// Passes on what one upstream sends, whatever its era is.
    async fn listen_to(&self, upstream: &Upstream, context: &SubscriptionContext) {
        let filter = self.filter_of(upstream, context.accepted());
        let to = Destination::Subscription(context.sink().clone());
        let conversation = Arc::new(Conversation::new());
        conversation.begin(ClientCapabilities::default(), to.clone());
        let _end = EndOfConversation(&self.proxy, &conversation);
        let extensions = &context.request_context().extensions;
        let Ok(request) = self.request_of_caller(upstream, extensions) else {
            return;
        };
        let request = self.in_conversation(request, upstream, &conversation);
        let listened = async {
            let client = self.proxy.pool.client(request).await;
            let client = client.map_err(|error| CallError::Acquire(Arc::new(error)))?;
            let era = acquire(&client).await?.info().era;
            if era == Era::Stateless {
                let forward = Forward::new(upstream.name(), &self.proxy.uris, to);
                return forward.run(&client, filter).await;
            }
            keep_session(&client, filter).await
        };
        if let Err(error) = listened.await {
            self.proxy.unavailable(&Unavailable {
                upstream: upstream.name(),
                method: "subscriptions/listen",
                error: Some(&error),
            });
        }
    }

    /// The part of a client's filter that concerns an upstream, in the upstream's own names.
    fn filter_of(&self, upstream: &Upstream, filter: &SubscriptionFilter) -> SubscriptionFilter {
        let mut own = filter.clone();
        if let Some(uris) = &mut own.resource_subscriptions {
            let of_upstream = |uri: &String| {
                let (found, uri) = self.by_uri(uri).ok()?;
                (found.name() == upstream.name()).then(|| uri.to_owned())
            };
            *uris = uris.iter().filter_map(of_upstream).collect();
        }
        own
    }
}

/// Subscribes on a session of its own and keeps it, so that its handlers pass on what it receives.
async fn keep_session(client: &PooledClient, filter: SubscriptionFilter) -> Result<(), CallError> {
    for uri in filter.resource_subscriptions.into_iter().flatten() {
        let request = SubscribeRequest::new(SubscribeRequestParams::new(uri));
        client
            .request(ClientRequest::SubscribeRequest(request))
            .await?;
    }
    // Held only now: a session may serve one call at a time.
    let _lease = acquire(client).await?;
    std::future::pending().await
}

async fn acquire(client: &PooledClient) -> Result<Lease, CallError> {
    let lease = client.acquire().await;
    lease.map_err(|error| CallError::Acquire(Arc::new(error)))
}

/// Closes the sessions of a conversation when it is dropped.
struct EndOfConversation<'a>(&'a Inner, &'a Conversation);

impl Drop for EndOfConversation<'_> {
    fn drop(&mut self) {
        let conversation = Selector::conversation(Arc::clone(self.1.id()));
        self.0.pool.evict(&conversation, EvictMode::Force);
    }
}
