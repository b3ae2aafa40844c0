//! The directory of a fleet without a store.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, Fence, FleetKey, FleetMark, Holding, Removal,
    Removed, ReplicaId, SealedSession, SessionDirectory, SessionRef,
};

/// The directory of a fleet without a store: the sessions of conversations whose handles were presented
/// here. It grants shared use alone, and knows nothing of other replicas.
#[derive(Default)]
pub(crate) struct Handles(Mutex<State>);

#[derive(Default)]
struct State {
    presented: HashMap<FleetKey, Presented>,
    /// The sessions that a handle names, until it expires: other replicas may use them.
    carried: HashMap<SessionRef, Instant>,
    /// The sessions that have ended, until every handle of them has expired.
    ended: HashMap<SessionRef, Instant>,
    /// When marks were revoked here, and until when that is remembered.
    revoked: HashMap<FleetMark, (SystemTime, Instant)>,
}

/// A session whose handle was presented.
#[derive(Clone)]
pub(in crate::fleet) struct Presented {
    pub(in crate::fleet) session: SessionRef,
    pub(in crate::fleet) sealed: SealedSession,
    /// When the handle expires.
    pub(in crate::fleet) ends_at: Instant,
}

impl Handles {
    /// Has claims of the key get the session of a handle.
    pub(in crate::fleet) fn present(&self, key: FleetKey, presented: Presented) {
        let mut state = self.lock();
        state.carry(presented.session, presented.ends_at);
        state.presented.insert(key, presented);
    }

    /// Notes that a handle names a session.
    pub(in crate::fleet) fn carry(&self, session: SessionRef, until: Instant) {
        self.lock().carry(session, until);
    }

    /// True once the session has ended here.
    pub(in crate::fleet) fn has_ended(&self, session: SessionRef) -> bool {
        self.lock().ended.contains_key(&session)
    }

    /// True where one of the marks was revoked here at this date or later.
    pub(in crate::fleet) fn is_revoked(&self, marks: &[FleetMark], sealed_at: SystemTime) -> bool {
        let state = self.lock();
        let revoked = |mark| state.revoked.get(mark);
        marks.iter().filter_map(revoked).any(|it| it.0 >= sealed_at)
    }

    /// Revokes the handles of a mark in this process.
    pub(in crate::fleet) fn note_revoked(&self, mark: FleetMark) {
        let mut state = self.lock();
        let remembered_until = Instant::now() + MAX_VALIDITY;
        let revoked = (SystemTime::now(), remembered_until);
        state.revoked.insert(mark, revoked);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn carry(&mut self, session: SessionRef, until: Instant) {
        let known = self.carried.entry(session).or_insert(until);
        *known = until.max(*known);
    }

    fn is_carried(&self, session: SessionRef) -> bool {
        let until = self.carried.get(&session);
        until.is_some_and(|until| *until > Instant::now())
    }

    fn claim(&self, request: &ClaimRequest) -> Claim {
        let now = Instant::now();
        let presented = self.presented.get(&request.key);
        let presented = presented.filter(|it| it.ends_at > now);
        let holding = |session| Holding {
            key: request.key,
            session,
            sharing: request.sharing,
            replica: request.replica,
            fence: FENCE,
        };
        match presented {
            Some(presented) => Claim::Revive {
                holding: holding(presented.session),
                sealed: presented.sealed.clone(),
                remaining: presented.ends_at - now,
            },
            None => Claim::Reserved(holding(request.session)),
        }
    }

    /// Ends a session for good: its handles are refused from now on.
    fn end(&mut self, holding: &Holding) {
        let presented = self.presented.get(&holding.key);
        if presented.is_some_and(|it| it.session == holding.session) {
            self.presented.remove(&holding.key);
        }
        if let Some(until) = self.carried.remove(&holding.session) {
            self.ended.insert(holding.session, until);
        }
    }

    /// Drops what has expired.
    fn prune(&mut self) {
        let now = Instant::now();
        self.presented.retain(|_, it| it.ends_at > now);
        self.carried.retain(|_, until| *until > now);
        self.ended.retain(|_, until| *until > now);
        self.revoked.retain(|_, it| it.1 > now);
    }
}

#[async_trait]
impl SessionDirectory for Handles {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        Ok(self.lock().claim(request))
    }

    async fn record(
        &self,
        _holding: &Holding,
        _sealed: &SealedSession,
        _ttl: Duration,
    ) -> Result<(), DirectoryError> {
        Ok(())
    }

    async fn park(
        &self,
        holding: &Holding,
        _sealed: &SealedSession,
        _ttl: Duration,
    ) -> Result<(), DirectoryError> {
        match self.lock().is_carried(holding.session) {
            true => Ok(()),
            false => Err(DirectoryError::NotKept),
        }
    }

    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError> {
        let mut state = self.lock();
        if removal == Removal::Whole {
            state.end(holding);
            return Ok(Removed::Nothing);
        }
        match state.is_carried(holding.session) {
            true => Ok(Removed::Others),
            false => Ok(Removed::Nothing),
        }
    }

    async fn beat(
        &self,
        _replica: &ReplicaId,
        _lease: Duration,
        _seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        self.lock().prune();
        Ok(Beat {
            incarnation: FENCE.incarnation,
            seen: 0,
            revoked: Vec::new(),
        })
    }

    /// Revokes in this process, and fails: no other one learns of it.
    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        self.note_revoked(*mark);
        Err(DirectoryError::refused(NoStore))
    }
}

/// There is no store that would tell other replicas.
#[derive(Debug)]
struct NoStore;

impl fmt::Display for NoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fleet of handles has no store")
    }
}

impl std::error::Error for NoStore {}

/// The only fence: nothing is ever one replica's alone.
const FENCE: Fence = Fence {
    incarnation: 1,
    number: 1,
};
/// The longest that a handle is valid, and a revocation remembered.
pub(in crate::fleet) const MAX_VALIDITY: Duration = Duration::from_secs(24 * 3600);
