//! The driver of a session that the fleet knows.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rmcp::{model::ClientRequest, service::ServiceError};

use crate::{
    error::{CallFailure, FaultKind, Outcome},
    extend::{Answer, CallContext, CloseOutcome, Held, ParkedSession, SessionDriver, SessionPeer},
};

/// The driver of a session that this replica holds in the directory: it sends nothing once the session
/// may be another replica's.
pub(crate) struct HeldDriver {
    pub(crate) driver: Arc<dyn SessionDriver>,
    pub(crate) held: Arc<Held>,
}

impl HeldDriver {
    fn check(&self) -> Result<(), CallFailure> {
        match self.held.is_void() {
            true => Err(CallFailure::new(
                Outcome::NotExecuted,
                FaultKind::SessionGone,
            )),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl SessionDriver for HeldDriver {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.check()?;
        self.driver.peer().await
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        self.check()?;
        self.driver.call(request, context).await
    }

    async fn open_server_stream(&self) {
        self.driver.open_server_stream().await;
    }

    fn is_over(&self) -> bool {
        self.driver.is_over() || self.held.is_void()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        self.driver.classify(error)
    }

    fn park(&self) -> Option<ParkedSession> {
        self.driver.park()
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        self.driver.close(timeout).await
    }
}
