//! A key in detail: its sessions and who waits for one.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use super::key::KeyStats;
use crate::{
    acquire::Acquirer,
    key::{KeyPool, PooledSession},
    time::seconds,
    types::{Era, Fingerprint},
};

/// A key in detail. Holds no secret: session ids appear as fingerprints.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KeyDetails {
    /// The row of the key.
    pub stats: KeyStats,
    /// The name of its gateway entry ([`Endpoint::with_gateway`](crate::Endpoint::with_gateway)).
    pub gateway: Option<String>,
    /// Its open sessions, the oldest first, 200 at most.
    pub sessions: Vec<SessionStats>,
    /// The callers that wait, in the order in which they are served, 200 at most.
    pub waiters: Vec<WaiterStats>,
}

/// An open session of a key.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionStats {
    /// The server's session id as a fingerprint; `None` when the server issued none.
    pub session: Option<Fingerprint>,
    /// The era of the server.
    pub era: Era,
    /// The negotiated protocol revision.
    pub protocol_version: String,
    /// How long the session has been open.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// How many calls and leases it serves now.
    pub in_use: u32,
    /// How many it may serve at the same time.
    pub slots: u32,
    /// How often it was handed out.
    pub uses: u64,
    /// True while it must pass a check before it is handed out again.
    pub suspect: bool,
    /// Whether it has a stream for the messages of its server that belong to no call, as
    /// [`ServerStream::as_str`](crate::extend::ServerStream::as_str) gives it.
    pub server_stream: &'static str,
}

/// A caller that waits for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WaiterStats {
    /// What it waits for, as [`Stage::as_str`](crate::error::Stage::as_str) gives it.
    pub stage: &'static str,
    /// How long it has waited.
    #[serde(serialize_with = "seconds")]
    pub waited: Duration,
    /// The time until it gives up.
    #[serde(serialize_with = "seconds")]
    pub left: Duration,
}

impl KeyDetails {
    /// The key of this fingerprint at `now`; `None` where the pool does not know it.
    pub(crate) fn of(pool: &Acquirer, fingerprint: Fingerprint, now: Instant) -> Option<Self> {
        let key = pool.keys.named(fingerprint.number())?;
        Some(Self {
            stats: KeyStats::of(&key, now),
            gateway: key.key.endpoint().gateway().map(str::to_owned),
            sessions: sessions(&key, now),
            waiters: waiters(&key, now),
        })
    }
}

fn sessions(key: &KeyPool, now: Instant) -> Vec<SessionStats> {
    let mut open = key.history.open();
    open.truncate(MAX_ROWS);
    let usage = key.usage();
    let sessions = key.services.sessions.get(&open);
    let row = |session: &Arc<PooledSession>| {
        let used = usage.iter().find(|(id, _)| *id == session.id);
        let in_use = used.map_or_else(|| session.slots(), |(_, used)| *used);
        SessionStats::of(session, in_use, now)
    };
    sessions.iter().map(row).collect()
}

fn waiters(key: &KeyPool, now: Instant) -> Vec<WaiterStats> {
    let here = key.services.context.clock.timestamp(now);
    key.waiters(MAX_ROWS, |waiter| WaiterStats {
        stage: waiter.stage.as_str(),
        waited: here.since(waiter.began),
        left: waiter.deadline.since(here),
    })
}

impl SessionStats {
    fn of(session: &PooledSession, in_use: u32, now: Instant) -> Self {
        let info = session.session.info();
        Self {
            session: info.session,
            era: info.era,
            protocol_version: info.protocol_version.to_string(),
            age: now.saturating_duration_since(session.opened_at()),
            in_use,
            slots: session.slots(),
            uses: session.uses(),
            suspect: session.suspect.load(Ordering::Relaxed),
            server_stream: info.server_stream().as_str(),
        }
    }
}

/// The rows of each kind.
const MAX_ROWS: usize = 200;
