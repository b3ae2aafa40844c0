//! What connects report.

use tokio::time::Instant;

use crate::{
    context::{Context, Counters},
    error::ConnectError,
    extend::{ConnectFailed, Connected, QuotaReached},
    key::{KeyPool, PooledSession},
    limits::Quota,
};

/// Reports that a key or a caller of it begins to wait for a quota.
pub(in crate::acquire) fn report_quota(key: &KeyPool, quota: &Quota) {
    let context = &key.services.context;
    Counters::add(&context.counters.quota_waits);
    tracing::debug!(key = ?key.key, quota = quota.kind.as_str(), "waits for a quota");
    context.events.emit(|observer, pool| {
        observer.quota_reached(&QuotaReached {
            pool,
            key: &key.key,
            quota: quota.kind,
            limit: quota.max(),
        });
    });
}

/// Reports a session that was opened.
pub(super) fn report_connected(
    context: &Context,
    pooled: &PooledSession,
    began: Instant,
    revived: bool,
) {
    Counters::add(&context.counters.opened);
    if revived {
        Counters::add(&context.counters.revived);
    }
    tracing::debug!(key = ?pooled.key, session = pooled.id, "session opened");
    context.events.emit(|observer, pool| {
        observer.connected(&Connected {
            pool,
            key: &pooled.key,
            session: pooled.session.info(),
            revived,
            took: began.elapsed(),
        });
    });
}

/// Reports a session that could not be opened.
pub(super) fn report_failed(key: &KeyPool, error: &ConnectError, began: Instant) {
    let context = &key.services.context;
    key.history.failed(error.label(), context.clock.now());
    tracing::debug!(key = ?key.key, kind = error.label(), "connect failed");
    context.events.emit(|observer, pool| {
        observer.connect_failed(&ConnectFailed {
            pool,
            key: &key.key,
            error,
            took: began.elapsed(),
        });
    });
}
