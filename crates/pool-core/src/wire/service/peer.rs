//! rmcp's client side of a session.

use std::{fmt, ops::Deref, sync::Arc};

use rmcp::{
    RoleClient,
    service::{ClientCacheConfig, Peer},
};

use super::service::RmcpService;

/// rmcp's client side of a session. Keeps the service behind it running: a clone of the inner
/// [`Peer`] that outlives it may be closed at any time.
pub struct SessionPeer {
    peer: Peer<RoleClient>,
    _service: Option<Arc<RmcpService>>,
}

impl SessionPeer {
    /// The peer of a session that rmcp serves for its whole life.
    #[must_use]
    pub fn new(peer: Peer<RoleClient>) -> Self {
        Self {
            peer,
            _service: None,
        }
    }

    /// The peer of a service that was started for it. Without rmcp's cache, which knows nothing of
    /// the users of a session.
    pub(in crate::wire) async fn of_service(service: Arc<RmcpService>) -> Self {
        let peer = service.peer().clone();
        let disabled = ClientCacheConfig::disabled();
        peer.set_response_cache_config(disabled).await;
        Self {
            peer,
            _service: Some(service),
        }
    }
}

impl Deref for SessionPeer {
    type Target = Peer<RoleClient>;

    fn deref(&self) -> &Self::Target {
        &self.peer
    }
}

impl fmt::Debug for SessionPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPeer").finish_non_exhaustive()
    }
}
