//! The counts of the pool, compared with its limits and with the server's counts.

use std::time::Duration;

use mcp_pool_core::{
    PoolKey, SessionPool,
    config::QuotaKind,
    stats::{KeyOrder, KeyQuery, KeyStats, PoolStatus, QuotaStats},
};
use mcp_pool_testkit::fake::Remote;

use super::ledger::Broken;

/// The counts of a pool at one instant.
#[derive(Clone, Debug)]
pub(in super::super) struct Reading {
    pub(in super::super) status: PoolStatus,
    pub(in super::super) keys: Vec<KeyStats>,
    quotas: Vec<QuotaStats>,
}

impl Reading {
    pub(in super::super) fn of(pool: &SessionPool) -> Self {
        let query = KeyQuery {
            order: KeyOrder::Fingerprint,
            limit: 1_000,
            ..KeyQuery::default()
        };
        Self {
            status: pool.status(),
            keys: pool.key_stats(&query).rows,
            quotas: pool.quota_stats(1_000),
        }
    }

    /// True where a session is idle although a key seeks one that it cannot open.
    pub(in super::super) fn has_idle_that_is_sought(&self) -> bool {
        let (taken, most) = (self.status.sessions, self.status.max_total_sessions);
        let is_full = most > 0 && taken >= most;
        is_full && self.seeks() && self.keys.iter().any(|row| row.available > 0)
    }

    /// True where a key needs a session, opens none, and does not wait for a quota that has none for it.
    fn seeks(&self) -> bool {
        let of_sessions = self.quotas.iter().filter(|row| !row.quota.is_of_calls());
        let without_any = of_sessions.filter(|row| is_used_up(row) || self.may_be_claimed(row));
        let at_quotas: usize = without_any.map(|row| row.waiting).sum();
        self.keys.iter().filter(|row| seeks(row)).count() > at_quotas
    }

    /// True where the last permit of a quota of sessions may be claimed by a key that waits for another
    /// quota, which is used up.
    fn may_be_claimed(&self, row: &QuotaStats) -> bool {
        let mut of_sessions = self.quotas.iter().filter(|row| !row.quota.is_of_calls());
        row.used + 1 == row.limit && of_sessions.any(|other| is_used_up(other) && other.waiting > 0)
    }

    /// The calls that the quotas count: each call counts for one quota of a kind at most.
    pub(in super::super) fn calls_in_flight(&self) -> usize {
        let of_kind = |kind: &QuotaKind| {
            let rows = self.quotas.iter().filter(|row| row.quota == *kind);
            rows.map(|row| row.used).sum()
        };
        let kinds = QuotaKind::ALL.iter().filter(|kind| kind.is_of_calls());
        kinds.map(of_kind).max().unwrap_or_default()
    }

    /// The quota of calls that a caller waits for although none is used up. One may wait for another caller,
    /// which has claimed a permit and waits for a quota that is.
    fn free_quota_of_calls(&self) -> Option<&QuotaStats> {
        let mut of_calls = self.quotas.iter().filter(|row| row.quota.is_of_calls());
        match of_calls.clone().any(is_used_up) {
            true => None,
            false => of_calls.find(|row| row.waiting > 0),
        }
    }

    /// For how long at most every idle session has been idle: since the last use of its key, and no longer than a
    /// session of the key is open. A session that is kept ready is opened without a use.
    pub(in super::super) fn idle_for(&self) -> Duration {
        let idle = self.keys.iter().filter(|row| row.available > 0);
        let idle = idle.map(|row| row.idle_for.min(row.oldest.unwrap_or_default()));
        idle.min().unwrap_or_default()
    }

    /// The row of a key.
    pub(in super::super) fn of_key(&self, key: &PoolKey) -> Option<&KeyStats> {
        let fingerprint = key.fingerprint();
        self.keys.iter().find(|row| row.fingerprint == fingerprint)
    }
}

fn is_used_up(row: &QuotaStats) -> bool {
    row.used >= row.limit
}

/// What holds at every instant: each limit.
pub(in super::super) fn check_always(reading: &Reading) -> Option<Broken> {
    let status = &reading.status;
    let limits = [
        ("session_limit", status.sessions, status.max_total_sessions),
        ("key_limit", status.keys, status.max_total_keys),
    ];
    for (name, count, max) in limits {
        if max > 0 && count > max {
            return Some((name, format!("{count} of {max}")));
        }
    }
    if let Some(row) = reading.quotas.iter().find(|row| row.used > row.limit) {
        return Some(("quota", format!("{row:?}")));
    }
    let of_key = |row: &&KeyStats| row.available + row.active + row.connecting > row.max;
    let broken = reading.keys.iter().find(of_key)?;
    Some(("limit_of_key", row(broken)))
}

/// What holds once no task is ready: the pool and the server count alike, and a caller waits only
/// for something that is missing.
pub(in super::super) fn check_settled(reading: &Reading, remote: &Remote) -> Option<Broken> {
    let (sessions, connects) = (remote.sessions(), remote.open_connects());
    let closing = sessions.iter().filter(|session| session.closing).count();
    let open = sessions.len() - closing;
    let status = &reading.status;
    // A closing beyond the concurrent ones has not reached the server.
    if closing < MAX_CLOSINGS && status.sessions != open + connects.len() {
        let detail = format!(
            "the pool counts {}, the server {open} sessions and {} connects",
            status.sessions,
            connects.len()
        );
        return Some(("permits", detail));
    }
    if !status.closed && status.keys != reading.keys.len() {
        let detail = format!("{} permits for {} keys", status.keys, reading.keys.len());
        return Some(("key_permits", detail));
    }
    let is_free = |count, max| max == 0 || count < max;
    let sessions_free = is_free(status.sessions, status.max_total_sessions);
    if status.is_full && sessions_free && is_free(status.keys, status.max_total_keys) {
        let detail = format!("{} sessions and {} keys", status.sessions, status.keys);
        return Some(("waits_for_free_capacity", detail));
    }
    if status.closed {
        return None;
    }
    if let Some(row) = reading.free_quota_of_calls() {
        return Some(("waits_for_free_quota", format!("{row:?}")));
    }
    if let Some(broken) = check_waiters(reading, sessions_free) {
        return Some(broken);
    }
    reading.has_idle_that_is_sought().then(|| {
        let idle: usize = reading.keys.iter().map(|row| row.available).sum();
        (
            IDLE_KEPT,
            format!("{idle} sessions are idle, and others are sought"),
        )
    })
}

/// The name of the violation by a session that is kept idle although another key seeks one. A key may do so
/// for as long as a session takes to open.
pub(in super::super) const IDLE_KEPT: &str = "idle_not_reclaimed";

fn check_waiters(reading: &Reading, sessions_free: bool) -> Option<Broken> {
    let mut waiting = reading.keys.iter().filter(|key| key.waiting > 0);
    waiting.find_map(|key| match () {
        () if key.available > 0 => Some(("waits_beside_idle", row(key))),
        () if sessions_free && seeks(key) && reading.seeks() => {
            Some(("waits_without_connect", row(key)))
        }
        () => None,
    })
}

/// True where a key needs a session and opens none. One that has sessions and was refused another waits
/// for those that it has.
fn seeks(key: &KeyStats) -> bool {
    key.waiting > 0 && key.connecting == 0 && key.active < key.max && !key.paused
}

fn row(key: &KeyStats) -> String {
    format!(
        "{} idle, {} in use, {} connecting of {}, {} waiting",
        key.available, key.active, key.connecting, key.max, key.waiting
    )
}

/// The closings that the pool runs at the same time.
const MAX_CLOSINGS: usize = 60;
