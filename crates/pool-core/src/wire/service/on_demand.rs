//! The rmcp service of a session, while there is one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rmcp::model::ServerPeerInfo;
use tokio::time::timeout;

use super::{host::ServiceHost, service::RmcpService};
use crate::{
    error::{CallFailure, FaultKind, Outcome},
    wire::wire::SharedWire,
};

/// Starts the rmcp service of a session where one is needed.
#[derive(Default)]
pub(in crate::wire) struct OnDemand(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    running: Weak<RmcpService>,
    closed: bool,
}

impl OnDemand {
    /// The service that runs. One of a closed session is ending.
    pub(in crate::wire) fn running(&self) -> Option<Arc<RmcpService>> {
        let slot = self.lock();
        slot.running.upgrade().filter(|_| !slot.closed)
    }

    /// The service for a message of the server, started where there is none.
    ///
    /// A server that gives no information on itself holds up its own messages for a second only:
    /// the service is started without.
    pub(in crate::wire) async fn service<H: ServiceHost + 'static>(
        &self,
        host: &Arc<H>,
    ) -> Result<Arc<RmcpService>, CallFailure> {
        if let Some(running) = self.running() {
            return Ok(running);
        }
        let wire = host.wire().ok_or_else(session_over)?;
        let info = timeout(INTRODUCTION_TIMEOUT, wire.peer_info()).await;
        let info = info.ok().and_then(Result::ok);
        self.start(host, wire, info.as_ref())
    }

    /// The service for a caller, which knows its server.
    pub(in crate::wire) async fn introduced<H: ServiceHost + 'static>(
        &self,
        host: &Arc<H>,
    ) -> Result<Arc<RmcpService>, CallFailure> {
        let running = self.running();
        if let Some(service) = running.filter(|service| service.peer().peer_info().is_some()) {
            return Ok(service);
        }
        let wire = host.wire().ok_or_else(session_over)?;
        let info = wire.peer_info().await?;
        let service = self.start(host, wire, Some(&info))?;
        // One that was started for a message may not know its server.
        service.peer().set_peer_info(info);
        Ok(service)
    }

    /// Ends the service, if there is one. There will be no other.
    pub(in crate::wire) fn close(&self) {
        let mut slot = self.lock();
        slot.closed = true;
        let running = slot.running.upgrade();
        drop(slot);
        if let Some(running) = running {
            running.cancel();
        }
    }

    fn start<H: ServiceHost + 'static>(
        &self,
        host: &Arc<H>,
        wire: SharedWire,
        info: Option<&ServerPeerInfo>,
    ) -> Result<Arc<RmcpService>, CallFailure> {
        let mut slot = self.lock();
        if slot.closed {
            return Err(session_over());
        }
        // Another caller may have started one meanwhile.
        if let Some(running) = slot.running.upgrade() {
            return Ok(running);
        }
        let service = RmcpService::start(Arc::<H>::clone(host), wire, info.cloned());
        slot.running = Arc::downgrade(&service);
        Ok(service)
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session_over() -> CallFailure {
    CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone)
}

/// How long a message waits for the information on its server.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_secs(1);
