//! Sessions that detection opened.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    extend::{Credential, LatestCredentials, Session},
    handler::HandlerProxy,
    time::Timestamp,
    types::PoolKey,
};

/// Sessions that detection opened, each until the first connect of its key takes it.
#[derive(Default)]
pub(crate) struct DetectedSessions {
    sessions: Mutex<HashMap<PoolKey, DetectedSession>>,
    closed: CancellationToken,
}

/// A session that detection opened.
pub(crate) struct DetectedSession {
    pub(crate) session: Session,
    pub(crate) proxy: Arc<HandlerProxy>,
    /// What the session takes its credentials from, and its key too.
    pub(crate) credentials: Arc<LatestCredentials>,
}

impl DetectedSession {
    /// Closes a session that no connect takes.
    pub(crate) async fn close(self, close_timeout: Duration) {
        self.proxy.close();
        self.session.driver().close(close_timeout).await;
    }
}

impl DetectedSessions {
    /// True where there is none, as in most pools at most times.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The session that was opened for this key.
    pub(crate) fn take(&self, key: &PoolKey) -> Option<DetectedSession> {
        self.lock().remove(key)
    }

    /// The credentials of the session that was opened for this key, with that of a new caller noted.
    pub(crate) fn credentials(
        &self,
        key: &PoolKey,
        credential: &Credential,
        now: Timestamp,
    ) -> Option<Arc<LatestCredentials>> {
        let sessions = self.lock();
        let latest = &sessions.get(key)?.credentials;
        latest.note(&credential.headers, credential.ends_at, now);
        Some(Arc::clone(latest))
    }

    /// Keeps a session for a short time. The future closes it if no connect takes it: its caller is
    /// gone, or the pool is closed.
    pub(crate) fn keep(
        self: &Arc<Self>,
        key: PoolKey,
        detected: DetectedSession,
        close_timeout: Duration,
    ) -> impl Future<Output = ()> + Send + use<> {
        let replaced = self.lock().insert(key.clone(), detected);
        let kept = Arc::clone(self);
        async move {
            if let Some(replaced) = replaced {
                replaced.close(close_timeout).await;
            }
            let _ = timeout(KEEP, kept.closed.cancelled()).await;
            if let Some(detected) = kept.take(&key) {
                detected.close(close_timeout).await;
            }
        }
    }

    /// Ends the waiting of [`keep`](Self::keep).
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PoolKey, DetectedSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Longer than a caller needs from the end of its detection to its connect.
const KEEP: Duration = Duration::from_secs(5);
