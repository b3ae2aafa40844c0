//! A session that has subscriptions.
#![expect(
    deprecated,
    reason = "servers of the revisions with sessions have subscriptions"
)]

use std::{collections::BTreeSet, sync::Arc};

use rmcp::model::{
    ClientRequest, SubscribeRequest, SubscribeRequestParams, UnsubscribeRequest,
    UnsubscribeRequestParams,
};
use tokio::time::Instant;

use crate::{
    client::{
        pooled_client::PooledClient,
        send::{Failed, send},
    },
    key::{KeyPool, PooledSession},
};

/// A session that has subscriptions. It serves the calls of its key all the while.
#[derive(Clone)]
pub(super) struct BoundSession {
    pub(super) session: Arc<PooledSession>,
    pub(super) key: Arc<KeyPool>,
    pub(super) subscribed: BTreeSet<Arc<str>>,
}

/// What is to be changed on a session.
pub(super) struct Changes {
    pub(super) add: Vec<Arc<str>>,
    pub(super) remove: Vec<Arc<str>>,
}

impl BoundSession {
    /// Unsubscribes everything, as far as the session still answers.
    pub(super) async fn unsubscribe_all(&self, client: &PooledClient, deadline: Instant) {
        for uri in &self.subscribed {
            let request = unsubscribe(uri);
            if let Err(Failed::Broken(_) | Failed::TimedOut) =
                send(&self.session, request, &client.context, deadline).await
            {
                return;
            }
        }
    }

    /// What is to be changed for these resources.
    pub(super) fn changes(&self, wanted: Vec<Arc<str>>) -> Changes {
        let remove = self.subscribed.iter();
        let remove = remove.filter(|uri| !wanted.contains(uri)).cloned();
        let remove = remove.collect();
        let add = wanted.into_iter();
        let add = add.filter(|uri| !self.subscribed.contains(uri)).collect();
        Changes { add, remove }
    }
}

pub(super) fn subscribe(uri: &str) -> ClientRequest {
    let params = SubscribeRequestParams::new(uri);
    ClientRequest::SubscribeRequest(SubscribeRequest::new(params))
}

pub(super) fn unsubscribe(uri: &str) -> ClientRequest {
    let params = UnsubscribeRequestParams::new(uri);
    ClientRequest::UnsubscribeRequest(UnsubscribeRequest::new(params))
}
