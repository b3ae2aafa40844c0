//! The notifications of subscriptions.

use std::sync::Arc;

use mcp_pool_core::{
    PooledClient,
    client::{ResourceUpdate, ResourceUpdates},
    error::CallError,
    extend::{Era, ListKind},
};
use rmcp::model::{ErrorCode, ServerNotification, SubscriptionFilter};
use tokio::time::Instant;

use super::{
    attempts::{Pauses, may_pass},
    destination::Destination,
};
use crate::naming::NamePolicy;

/// Passes on what an upstream sends.
#[derive(Clone)]
pub(crate) struct Forward {
    upstream: String,
    uris: Arc<dyn NamePolicy>,
    to: Destination,
}

impl Forward {
    pub(crate) fn new(upstream: &str, uris: &Arc<dyn NamePolicy>, to: Destination) -> Self {
        Self {
            upstream: upstream.to_owned(),
            uris: Arc::clone(uris),
            to,
        }
    }

    /// Passes on the list changes of an upstream without sessions. A subscription that ends is made
    /// again, as is one that fails at first. A gap counts as a change of every list: there may have been one.
    /// `has_gap`: there is one before the first subscription.
    ///
    /// # Errors
    /// Why there can be no subscription.
    pub(crate) async fn list_changes(
        &self,
        client: &PooledClient,
        filter: &SubscriptionFilter,
        mut has_gap: bool,
    ) -> Result<(), CallError> {
        let mut pauses = Pauses::default();
        loop {
            let began = Instant::now();
            match client.listen(filter.clone()).await {
                Ok(mut subscription) => {
                    if has_gap {
                        self.all_changed(filter).await;
                    }
                    while let Ok(Some(notification)) = subscription.next().await {
                        self.list_change(&notification).await;
                    }
                }
                Err(CallError::Rpc(error)) if error.code == ErrorCode::METHOD_NOT_FOUND => {
                    return Ok(());
                }
                Err(error) if may_pass(&error) => {}
                Err(error) => return Err(error),
            }
            has_gap = true;
            pauses.wait(began.elapsed()).await;
        }
    }

    /// Passes on the updates of a resource until they end. A gap is passed on as a change, since there
    /// may have been one. What a server with sessions reports, the handlers of the session pass on.
    ///
    /// The pool makes a lost subscription of a conversation again once a call has got to know of the loss.
    /// `alone`: the client of a conversation that has no other calls.
    ///
    /// # Errors
    /// As [`ResourceUpdates::next`].
    pub(crate) async fn updates(
        &self,
        mut updates: ResourceUpdates,
        alone: Option<&PooledClient>,
    ) -> Result<(), CallError> {
        while let Some(update) = updates.next().await? {
            let uri = match &update {
                // Read after the update: the era of a gap's end is that of what follows it.
                ResourceUpdate::Changed { uri } if updates.era() != Some(Era::Legacy) => uri,
                ResourceUpdate::Lost => {
                    if let Some(client) = alone {
                        let _ = client.ping().await;
                    }
                    updates.uri()
                }
                ResourceUpdate::Resumed => updates.uri(),
                _ => continue,
            };
            self.resource_changed(uri).await;
        }
        Ok(())
    }

    /// Passes on that a resource may have changed.
    pub(crate) async fn resource_changed(&self, uri: &str) {
        let uri = self.uris.join(&self.upstream, uri);
        self.to.resource_updated(uri).await;
    }

    /// Passes on that all lists of a filter may have changed.
    pub(crate) async fn all_changed(&self, filter: &SubscriptionFilter) {
        for (wanted, list) in [
            (filter.prompts_list_changed, ListKind::Prompts),
            (filter.resources_list_changed, ListKind::Resources),
            (filter.tools_list_changed, ListKind::Tools),
        ] {
            if wanted == Some(true) {
                self.to.list_changed(list).await;
            }
        }
    }

    async fn list_change(&self, notification: &ServerNotification) {
        let list = match notification {
            ServerNotification::PromptListChangedNotification(_) => ListKind::Prompts,
            ServerNotification::ResourceListChangedNotification(_) => ListKind::Resources,
            ServerNotification::ToolListChangedNotification(_) => ListKind::Tools,
            _ => return,
        };
        self.to.list_changed(list).await;
    }
}
