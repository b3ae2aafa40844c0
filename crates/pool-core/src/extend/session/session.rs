//! An initialised rmcp client and what is known of it.

use std::{fmt, sync::Arc};

use super::{close_notifier::CloseNotifier, driver::SessionDriver, info::SessionInfo};
use crate::{error::CallFailure, extend::directory::Held, wire::SessionPeer};

/// One initialised rmcp client and its metadata, as a [`Connector`](crate::extend::Connector) hands it to
/// the pool.
// What a hit needs comes first.
#[repr(C)]
pub struct Session {
    driver: Arc<dyn SessionDriver>,
    info: SessionInfo,
    close_notifier: CloseNotifier,
    /// The holding of a session that the replicas of a fleet share.
    held: Option<Arc<Held>>,
}

impl Session {
    /// A session that is kept by `driver`.
    #[must_use]
    pub fn new(driver: impl SessionDriver + 'static, info: SessionInfo) -> Self {
        Self::of(Arc::new(driver), info)
    }

    /// A session that is kept by `driver`, which its transport refers to as well.
    #[must_use]
    pub fn of<D: SessionDriver + 'static>(driver: Arc<D>, info: SessionInfo) -> Self {
        Self {
            driver,
            info,
            close_notifier: CloseNotifier::default(),
            held: None,
        }
    }

    /// Uses a notifier that the transport already holds, so that it can report the session's end the
    /// moment it happens.
    #[must_use]
    pub fn with_close_notifier(mut self, close_notifier: CloseNotifier) -> Self {
        self.close_notifier = close_notifier;
        self
    }

    /// rmcp's client side of the session.
    ///
    /// # Errors
    /// As [`SessionDriver::peer`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.driver.peer().await
    }

    /// What is known of the session.
    #[must_use]
    pub fn info(&self) -> &SessionInfo {
        &self.info
    }

    /// What keeps the session.
    #[must_use]
    pub fn driver(&self) -> &dyn SessionDriver {
        self.driver.as_ref()
    }

    /// True when the session is known to be over. Cheap; sends no request.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.close_notifier.is_notified() || self.driver.is_over()
    }

    /// The same session as one that the fleet knows; `wrap` puts a driver in front of its own.
    pub(crate) fn held_as<D: SessionDriver + 'static>(
        self,
        held: Arc<Held>,
        wrap: impl FnOnce(Arc<dyn SessionDriver>) -> D,
    ) -> Self {
        Self {
            driver: Arc::new(wrap(self.driver)),
            held: Some(held),
            ..self
        }
    }

    pub(crate) fn held(&self) -> Option<&Arc<Held>> {
        self.held.as_ref()
    }

    pub(crate) fn close_notifier(&self) -> &CloseNotifier {
        &self.close_notifier
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
