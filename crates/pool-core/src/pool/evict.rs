//! Evicting and revoking.

use std::sync::Arc;

use super::session_pool::SessionPool;
use crate::{
    context::Counters,
    extend::{CloseReason, Reach},
    key::{KeyPool, run},
    maintenance::apply_revocations,
    stats::EvictReport,
    types::{Endpoint, Fingerprint, Selector},
};

/// What becomes of the sessions in use of an evicted key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvictMode {
    /// They are closed under their users at once.
    Force,
    /// They are closed when their leases end.
    Graceful,
}

impl SessionPool {
    /// Evicts the sessions of some keys: idle ones are closed now, those in use as `mode` has it, and
    /// those being opened when they are ready. Once it returns, no session that was opened before is
    /// handed out. The pool stays usable: the next acquire opens a session.
    ///
    /// Only this process: other replicas of a [`Fleet`](crate::Fleet) keep what they hold. Credentials
    /// stay valid: a logout needs [`revoke`](Self::revoke). The time is proportional to the number of
    /// selected keys: for thousands there is [`evict_in_slices`](Self::evict_in_slices).
    pub fn evict(&self, selector: &Selector, mode: EvictMode) -> EvictReport {
        self.acquirer.services.subscriptions.end(selector);
        self.evict_for(selector, mode, CloseReason::Evicted)
    }

    /// As [`evict`](Self::evict), of the one key with this fingerprint, as the pool's own stats show it.
    /// The report is of no key where the pool does not know it.
    pub fn evict_key(&self, fingerprint: Fingerprint, mode: EvictMode) -> EvictReport {
        let key = self.acquirer.keys.named(fingerprint.number());
        if let Some(key) = &key {
            self.acquirer.services.subscriptions.end_key(&key.key);
        }
        self.evict_keys(key.as_slice(), mode, CloseReason::Evicted)
    }

    /// Evicts every session gracefully, for a rotation of certificates or a change of configuration:
    /// [`evict`](Self::evict) of [`Selector::All`] with a reason of its own. The time is proportional to the
    /// number of keys: for thousands there is [`drain_in_slices`](Self::drain_in_slices).
    pub fn drain(&self) -> EvictReport {
        self.evict_for(&Selector::All, EvictMode::Graceful, CloseReason::Drained)
    }

    /// Applies the settings of an endpoint that has changed, to the keys that it has: sessions opened before
    /// serve the calls that they have and are closed then, and what is opened from now on follows the new
    /// settings. So does it after the client of an endpoint was replaced, such as for a new certificate.
    ///
    /// Which keys these are follows from URL, transport, gateway id, lifecycle and client, as for
    /// [`Selector::endpoint`]. Requests and clients made with the endpoint of before get
    /// sessions of the new kind, too.
    pub fn update_endpoint(&self, endpoint: &Endpoint) -> EvictReport {
        let keys = self.acquirer.keys.select(&Selector::endpoint(endpoint));
        // Over the transport of the key, where that is detected.
        let of_key = |key: &KeyPool| endpoint.clone().over(key.key.transport());
        for key in &keys {
            // First: whatever is opened later is of the new kind, and whatever was before is evicted.
            key.update(endpoint);
            let capacity = &self.acquirer.services.capacity;
            capacity.update_endpoint(&of_key(key));
        }
        if endpoint.max_calls().is_some() || endpoint.max_sessions().is_some() {
            self.join_quotas(&keys, of_key);
        }
        self.evict_keys(&keys, EvictMode::Graceful, CloseReason::Drained)
    }

    /// Revokes the credentials of some keys and evicts their sessions gracefully: for a logout, a
    /// stolen token or a change of rights.
    ///
    /// Once it returns, no session that was opened before is handed out, to clients and requests
    /// from before included; and no header seen before is sent on behalf of another request. A client
    /// from before opens new sessions with the headers it has: whether its caller may still act is
    /// the gateway's decision. Shared sessions have no owner and are revoked by
    /// [`Selector::All`], an endpoint or a gateway entry alone.
    pub fn revoke(&self, selector: &Selector) -> EvictReport {
        if let Some(fleet) = &self.acquirer.context().fleet {
            fleet.revoke_handles(selector);
        }
        self.acquirer.services.subscriptions.end(selector);
        let report = self.revoke_keys(selector);
        let sessions = report.closing + report.in_use;
        let counters = &self.acquirer.context().counters;
        Counters::add_many(&counters.revoked, sessions as u64);
        report
    }

    /// As [`revoke`](Self::revoke), in every replica of the pool's [`Fleet`](crate::Fleet). Returns how
    /// far it reached as well: it is never silently local.
    ///
    /// # Cancel safety
    /// A dropped future may have revoked in this process alone.
    pub async fn revoke_everywhere(&self, selector: &Selector) -> (EvictReport, Reach) {
        // First: whatever is open here now is older than the revocation, and ends for all replicas.
        let mut report = self.revoke(selector);
        let Some(fleet) = &self.acquirer.context().fleet else {
            return (report, Reach::LocalOnly);
        };
        let has_beaten = fleet.has_beaten();
        let reach = fleet.revoke(selector).await;
        let news = match reach {
            Reach::Fleet { .. } if has_beaten => fleet.beat().await.ok(),
            _ => None,
        };
        // A session that came meanwhile may be of before the revocation, or of after it: then other
        // replicas may use it.
        match news {
            Some(revoked) => apply_revocations(&self.acquirer, fleet, &revoked),
            None => report.closing += self.revoke_keys(selector).closing,
        }
        (report, reach)
    }

    fn revoke_keys(&self, selector: &Selector) -> EvictReport {
        let keys = self.acquirer.keys.select(selector);
        for key in &keys {
            key.credentials.revoke();
        }
        self.evict_keys(&keys, EvictMode::Graceful, CloseReason::Revoked)
    }

    fn evict_for(&self, selector: &Selector, mode: EvictMode, reason: CloseReason) -> EvictReport {
        let keys = self.acquirer.keys.select(selector);
        self.evict_keys(&keys, mode, reason)
    }

    fn evict_keys(
        &self,
        keys: &[Arc<KeyPool>],
        mode: EvictMode,
        reason: CloseReason,
    ) -> EvictReport {
        let mut report = EvictReport::default();
        for key in keys {
            self.evict_one(key, mode, reason, &mut report);
        }
        log_evicted(&report, reason);
        report
    }

    /// Evicts the sessions of a key, and counts them.
    pub(super) fn evict_one(
        &self,
        key: &Arc<KeyPool>,
        mode: EvictMode,
        reason: CloseReason,
        report: &mut EvictReport,
    ) {
        let (effects, closing) = key.evict_all(reason);
        let counts = key.counts();
        report.keys += 1;
        report.closing += closing;
        report.in_use += counts.busy;
        report.connecting += counts.connecting;
        run(key, effects);
        self.acquirer.keys.remove(key, None, reason);
        if mode == EvictMode::Force && counts.busy > 0 {
            close_in_use(key, reason);
        }
    }
}

/// Closes the sessions of earlier generations that are in use. Their slots are released as usual.
fn close_in_use(key: &KeyPool, reason: CloseReason) {
    let current = key.generation();
    for session in key.services.sessions.get(&key.history.open()) {
        if session.generation() < current {
            key.services.close(session, reason);
        }
    }
}

pub(super) fn log_evicted(report: &EvictReport, reason: CloseReason) {
    tracing::info!(
        keys = report.keys,
        closing = report.closing,
        in_use = report.in_use,
        connecting = report.connecting,
        reason = reason.as_str(),
        "evicted"
    );
}
