//! The leases that are held.

use tokio::time::Instant;

use super::session_pool::SessionPool;
use crate::{key::run, stats::HeldLease};

impl SessionPool {
    /// The leases that are held for the longest time, at most so many, the oldest first. Empty where the
    /// pool does not watch its leases
    /// ([`lease_overdue_after`](crate::config::TimeoutsConfig::lease_overdue_after)). The leases of the
    /// calls of a [`PooledClient`](crate::PooledClient) are not among them: they end with the deadline
    /// of their call.
    #[must_use]
    pub fn held_leases(&self, most: usize) -> Vec<HeldLease> {
        let leases = self.acquirer.held.as_ref();
        leases.map_or_else(Vec::new, |leases| {
            HeldLease::oldest(leases, most, Instant::now())
        })
    }

    /// Ends a lease from outside: its session is closed under all its users, whose requests fail, and its
    /// place under the limits is free at once. The [`Lease`](crate::Lease) itself gives nothing back
    /// when it is dropped. Returns whether the lease was still held.
    ///
    /// `number` is a lease of [`held_leases`](Self::held_leases).
    pub fn end_lease(&self, number: u64) -> bool {
        let Some(leases) = &self.acquirer.held else {
            return false;
        };
        let ended = leases.end(number, |session| {
            let key = self.acquirer.keys.get(&session.key)?;
            let effects = key.forfeit(&session)?;
            Some((key, effects))
        });
        let Some((key, effects)) = ended.flatten() else {
            return false;
        };
        run(&key, effects);
        true
    }
}
