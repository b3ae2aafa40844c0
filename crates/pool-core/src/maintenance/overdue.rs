//! Which leases are held for too long.

use tokio::time::Instant;

use crate::{acquire::Acquirer, context::Counters, extend::LeaseOverdue};

/// Reports the leases that have become overdue. Returns when the next one will be; `None` where no
/// lease is left that was not reported.
pub(super) fn report_overdue(pool: &Acquirer, now: Instant) -> Option<Instant> {
    let (overdue, next) = pool.held.as_ref()?.overdue(now);
    let context = pool.context();
    for held in overdue {
        let Some(pooled) = held.session.upgrade() else {
            continue;
        };
        let held_for = now.saturating_duration_since(held.since);
        Counters::add(&context.counters.leases_overdue);
        tracing::warn!(
            key = ?pooled.key,
            session = pooled.id,
            site = %held.site,
            seconds = held_for.as_secs_f64(),
            "a lease is held for too long"
        );
        context.events.emit(|observer, pool| {
            observer.lease_overdue(&LeaseOverdue {
                pool,
                key: &pooled.key,
                session: pooled.session.info(),
                held_for,
                site: held.site,
            });
        });
    }
    next
}
