//! Notifications of a client to the servers of its sessions.

use futures::future::join_all;
use tokio::time::timeout;

use crate::{client::pooled_client::PooledClient, types::Era};

impl PooledClient {
    /// Sends `notifications/roots/list_changed` on every open session of this caller's key, within
    /// [`call_timeout`](crate::config::TimeoutsConfig::call_timeout). Returns how many got it. Servers
    /// of revision 2026-07-28 keep no roots and get nothing; nor does a session that is opened later,
    /// whose server requests the roots anew.
    ///
    /// # Cancel safety
    /// Some sessions may have got it by then.
    pub async fn notify_roots_changed(&self) -> usize {
        let key = self.resolved.latest().key_pool();
        let sessions = key.services.sessions.get(&key.history.open());
        let legacy = sessions
            .iter()
            .filter(|session| session.session.info().era == Era::Legacy);
        let notified = legacy.map(|session| async {
            let notify = async {
                let peer = session.session.peer().await.ok()?;
                peer.notify_roots_list_changed().await.ok()
            };
            timeout(self.timeout, notify).await.ok().flatten()
        });
        let notified = join_all(notified).await;
        notified.into_iter().flatten().count()
    }
}
