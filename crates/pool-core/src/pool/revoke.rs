//! Revoking: nothing that was opened for somebody is handed out again.

use serde::Serialize;

use super::{SessionPool, Shared, counters::Counters, sweep};
use crate::{PoolKey, Principal, Scope, bucket::Bucket, event::CloseReason, extend::Identity};

/// What a revocation met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EvictReport {
    /// Keys of the principal or identity.
    pub keys: usize,
    /// Sessions that nobody used; they are being closed now.
    pub closing: usize,
    /// Sessions in use; they are closed when their leases end, and nobody gets them after that.
    pub in_use: usize,
    /// Connects under way; what they open is closed at once.
    pub connecting: usize,
}

impl SessionPool {
    /// Revokes whatever was opened for a principal: for a logout, or when its rights have changed.
    ///
    /// Once this returns, no session that was opened before is handed out, whoever asks, by a
    /// client or request made before or after; and no header seen before is sent on behalf of
    /// another request. Who the principal is to be from now on is the gateway's to decide: a client
    /// made before opens new sessions with the headers it has.
    pub fn revoke(&self, principal: &Principal) -> EvictReport {
        self.shared.revoke_where(|key| key.principal() == principal)
    }

    /// Revokes whatever was opened under an identity, of whichever principal; for a credential that
    /// was stolen or withdrawn. As [`revoke`](Self::revoke).
    ///
    /// The identity of a request is [`key`](Self::key)`(request).identity()`.
    pub fn revoke_identity(&self, identity: &Identity) -> EvictReport {
        self.shared.revoke_where(|key| key.identity() == identity)
    }
}

impl Shared {
    fn revoke_where(&self, is_meant: impl Fn(&PoolKey) -> bool) -> EvictReport {
        let mut report = EvictReport::default();
        for (_, bucket) in &self.buckets {
            // A shared session belongs to nobody.
            let shared = *bucket.key.scope() == Scope::Shared;
            if !shared && !bucket.slots.is_dead() && is_meant(&bucket.key) {
                self.revoke_key(&bucket, &mut report);
            }
        }
        let sessions = report.closing + report.in_use;
        Counters::add_many(&self.hub.counters.revoked, sessions as u64);
        tracing::info!(
            keys = report.keys,
            closing = report.closing,
            in_use = report.in_use,
            connecting = report.connecting,
            "revoked"
        );
        report
    }

    fn revoke_key(&self, bucket: &std::sync::Arc<Bucket>, report: &mut EvictReport) {
        bucket.newest.revoke();
        let unused = bucket.slots.retire();
        let counts = bucket.slots.counts();
        report.keys += 1;
        report.closing += unused.len();
        report.in_use += counts.busy;
        report.connecting += counts.connecting;
        bucket.close_all(unused, CloseReason::Revoked);
        sweep::bury(self, bucket, None, CloseReason::Revoked);
    }
}
