//! What upstreams send outside of any call, where one side has sessions and the other has none.

use std::{sync::Arc, time::Duration};

use futures::future::{join, join_all};
use mcp_pool_core::{EvictMode, Lease, PooledClient, Selector, error::CallError, extend::Era};
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, ClientRequest, PingRequest, SubscriptionFilter},
    service::{ServiceError, SubscriptionContext},
};
use tokio::time::{sleep, timeout};

use super::handler::ProxyHandler;
use crate::{
    session::{Conversation, Destination, Forward, Reached, until_there},
    upstreams::{Inner, Upstream},
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
        let forward = Forward::new(upstream.name(), &self.proxy.uris, to);
        let report = |error: &CallError| self.proxy.not_heard(upstream.name(), error);
        let listened = async {
            let client = until_there(report, || self.proxy.client(request.clone())).await?;
            let uris = filter.resource_subscriptions.clone().unwrap_or_default();
            let updates = uris.iter().map(|uri| async {
                let updates = follow_resource(&client, &forward, uri, report).await;
                updates.unwrap_or_else(|error| report(&error));
            });
            let lists = async {
                match lists_of(&filter) {
                    None => Ok(()),
                    Some(lists) => follow_lists(&client, &forward, &lists, report).await,
                }
            };
            join(join_all(updates), lists).await.1
        };
        listened.await.unwrap_or_else(|error| report(&error));
    }

    /// The part of a client's filter that concerns an upstream, in the upstream's own names.
    fn filter_of(&self, upstream: &Upstream, filter: &SubscriptionFilter) -> SubscriptionFilter {
        let mut own = filter.clone();
        if let Some(uris) = &mut own.resource_subscriptions {
            uris.retain_mut(|uri| {
                let found = self.by_uri(uri);
                found.is_ok_and(|found| found.name() == upstream.name())
            });
        }
        own
    }
}

/// The lists of a filter alone; `None` where there is none.
fn lists_of(filter: &SubscriptionFilter) -> Option<SubscriptionFilter> {
    let mut lists = filter.clone();
    lists.resource_subscriptions = None;
    let wanted = [
        lists.prompts_list_changed,
        lists.resources_list_changed,
        lists.tools_list_changed,
    ];
    wanted.contains(&Some(true)).then_some(lists)
}

/// Passes on the updates of a resource. A gap counts as a change, before the first update too: the
/// client's subscription has begun already.
async fn follow_resource(
    client: &Reached<PooledClient>,
    forward: &Forward,
    uri: &str,
    report: impl Fn(&CallError),
) -> Result<(), CallError> {
    let updates = until_there(report, || client.value.subscribe(uri)).await?;
    if client.was_late || updates.was_late {
        forward.resource_changed(uri).await;
    }
    forward.updates(updates.value, Some(&client.value)).await
}

/// Passes on the list changes of an upstream, whatever its era becomes. A gap counts as a change of
/// every list, before the first change too.
async fn follow_lists(
    client: &Reached<PooledClient>,
    forward: &Forward,
    filter: &SubscriptionFilter,
    report: impl Fn(&CallError),
) -> Result<(), CallError> {
    let (client, mut has_gap) = (&client.value, client.was_late);
    loop {
        let lease = until_there(&report, || acquire(client)).await?;
        has_gap |= lease.was_late;
        let lease = lease.value;
        if lease.info().era == Era::Stateless {
            drop(lease);
            match forward.list_changes(client, filter, has_gap).await {
                // It has sessions by now.
                Err(CallError::NotInRevision(_)) => {}
                ended => return ended,
            }
        } else {
            if has_gap {
                forward.all_changed(filter).await;
            }
            keep_session(client, lease).await;
        }
        has_gap = true;
    }
}

/// Keeps a session of its own until it is lost, so that its handlers pass on what it receives.
async fn keep_session(client: &PooledClient, lease: Lease) {
    while is_alive(&lease).await {
        sleep(CHECK_INTERVAL).await;
    }
    lease.discard();
    // In a conversation, the loss is an error once.
    let _ = client.ping().await;
}

async fn is_alive(lease: &Lease) -> bool {
    let ping = async {
        let peer = lease.peer().await.ok()?;
        let ping = ClientRequest::PingRequest(PingRequest::default());
        match peer.send_request(ping).await {
            Ok(_) | Err(ServiceError::McpError(_)) => Some(()),
            Err(_) => None,
        }
    };
    matches!(timeout(CHECK_TIMEOUT, ping).await, Ok(Some(())))
}

/// A session of the upstream.
pub(super) async fn acquire(client: &PooledClient) -> Result<Lease, CallError> {
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

/// The time between two checks of a session that is kept.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
