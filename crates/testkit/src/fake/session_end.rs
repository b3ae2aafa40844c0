//! The end of a session, which its calls see in the order of their beginning.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::CallFailure,
    extend::{Answer, CallContext, CloseOutcome, SessionDriver, SessionPeer},
};
use rmcp::{model::ClientRequest, service::ServiceError};
use tokio::sync::SetOnce;

/// The end of one session of the fake connector, in the metadata of the session. All clones are one end.
///
/// rmcp ends the calls of a session in the order of a hash map, which is another one in each process. Calls
/// that wait for this end, too, end in the order of their beginning, so that a simulated world repeats. Those
/// of the pool do; one over the peer of a lease has to wait itself.
#[derive(Clone, Debug, Default)]
pub struct SessionEnd(Arc<SetOnce<()>>);

impl SessionEnd {
    /// Waits until the session ends.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn comes(&self) {
        self.0.wait().await;
    }

    /// Ends the calls that wait.
    pub(super) fn set(&self) {
        // A second end has no effect.
        let _ = self.0.set(());
    }
}

/// A driver whose calls end with [`SessionEnd`].
pub(super) struct EndingInOrder<D> {
    pub(super) driver: D,
    pub(super) end: SessionEnd,
}

#[async_trait]
impl<D: SessionDriver> SessionDriver for EndingInOrder<D> {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.driver.peer().await
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        tokio::select! {
            biased;
            answer = self.driver.call(request, context) => answer,
            () = self.end.comes() => Err(self.classify(&ServiceError::TransportClosed)),
        }
    }

    fn is_over(&self) -> bool {
        self.driver.is_over()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        self.driver.classify(error)
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        self.driver.close(timeout).await
    }
}
