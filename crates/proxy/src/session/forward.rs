//! The notifications of subscriptions.

use std::sync::Arc;

use mcp_pool_core::{PooledClient, error::CallError, extend::ListKind};
use rmcp::model::{ServerNotification, SubscriptionFilter};

use super::destination::Destination;
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

    /// Passes on the notifications of a subscription until it ends.
    ///
    /// # Errors
    /// As [`PooledClient::listen`].
    pub(crate) async fn run(
        &self,
        client: &PooledClient,
        filter: SubscriptionFilter,
    ) -> Result<(), CallError> {
        let mut subscription = client.listen(filter).await?;
        while let Some(notification) = subscription.next().await? {
            match notification {
                ServerNotification::ToolListChangedNotification(_) => {
                    self.to.list_changed(ListKind::Tools).await;
                }
                ServerNotification::PromptListChangedNotification(_) => {
                    self.to.list_changed(ListKind::Prompts).await;
                }
                ServerNotification::ResourceListChangedNotification(_) => {
                    self.to.list_changed(ListKind::Resources).await;
                }
                ServerNotification::ResourceUpdatedNotification(update) => {
                    let uri = self.uris.join(&self.upstream, &update.params.uri);
                    self.to.resource_updated(uri).await;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
