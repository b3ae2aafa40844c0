//! The progress of one call, passed on in its order.

use std::pin::pin;

use mcp_pool_core::PooledClient;
use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};
use tokio::sync::mpsc;

/// The progress of one call.
pub(crate) struct Progress {
    token: ProgressToken,
    peer: Peer<RoleServer>,
    steps: mpsc::Receiver<ProgressNotificationParam>,
}

impl Progress {
    /// The client with a sink for progress, where the downstream request wants progress.
    pub(crate) fn of(
        client: PooledClient,
        context: &RequestContext<RoleServer>,
    ) -> (PooledClient, Option<Self>) {
        let Some(token) = context.meta.get_progress_token() else {
            return (client, None);
        };
        let (sender, steps) = mpsc::channel(MAX_STEPS);
        // A step that finds the line full is left out: a later one has more.
        let client = client.with_progress(move |step| drop(sender.try_send(step)));
        let progress = Self {
            token,
            peer: context.peer.clone(),
            steps,
        };
        (client, Some(progress))
    }

    /// Passes on each step while the call runs, and the last ones before its result.
    pub(crate) async fn while_running<T>(mut self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let result = loop {
            tokio::select! {
                biased;
                Some(step) = self.steps.recv() => self.pass_on(step).await,
                result = &mut call => break result,
            }
        };
        while let Ok(step) = self.steps.try_recv() {
            self.pass_on(step).await;
        }
        result
    }

    async fn pass_on(&self, mut step: ProgressNotificationParam) {
        step.progress_token = self.token.clone();
        // A client that is gone needs no progress.
        let _ = self.peer.notify_progress(step).await;
    }
}

/// More steps than come between two writes to a client.
const MAX_STEPS: usize = 1_024;
