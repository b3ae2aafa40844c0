//! The state machine of a directory.

use std::{collections::HashMap, time::Duration};

use mcp_pool_core::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, Fence, FleetKey, FleetMark, Holding, Removal,
    Removed, ReplicaId, Revoked, SealedSession, SessionRef, Sharing,
};
use tokio::time::Instant;

/// The state of a directory. Each method is one step.
pub(super) struct Store {
    /// Drawn by an empty store.
    incarnation: u64,
    /// The number of the latest fence or revocation.
    fences: u64,
    records: HashMap<FleetKey, Vec<Record>>,
    /// Until when replicas count as alive.
    alive: HashMap<ReplicaId, Instant>,
    /// How often marks were revoked.
    generations: HashMap<FleetMark, u64>,
    /// Every revocation, in order.
    revoked: Vec<Revoked>,
    /// What replicas left about upstreams, and until when.
    hints: HashMap<FleetKey, (SealedSession, Instant)>,
}

struct Record {
    session: SessionRef,
    fence: Fence,
    holders: Vec<ReplicaId>,
    /// `None` for a reservation.
    sealed: Option<SealedSession>,
    ends_at: Instant,
    /// The generations of its marks when it was reserved.
    generations: Vec<u64>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            incarnation: rand::random_range(1..=u64::MAX),
            fences: 0,
            records: HashMap::new(),
            alive: HashMap::new(),
            generations: HashMap::new(),
            revoked: Vec::new(),
            hints: HashMap::new(),
        }
    }
}

impl Store {
    pub(super) fn hint(&self, upstream: &FleetKey) -> Option<SealedSession> {
        let (hint, ends_at) = self.hints.get(upstream)?;
        (*ends_at > Instant::now()).then(|| hint.clone())
    }

    pub(super) fn leave_hint(&mut self, upstream: FleetKey, hint: SealedSession, ttl: Duration) {
        let now = Instant::now();
        self.hints.retain(|_, (_, ends_at)| *ends_at > now);
        self.hints.insert(upstream, (hint, now + ttl));
    }

    pub(super) fn sessions(&self) -> usize {
        self.records.values().map(Vec::len).sum()
    }

    pub(super) fn sealed(&self) -> Vec<(FleetKey, SealedSession)> {
        let all = self.records.iter().flat_map(|(key, records)| {
            let sealed = records.iter().filter_map(|it| it.sealed.clone());
            sealed.map(|sealed| (*key, sealed))
        });
        all.collect()
    }

    pub(super) fn claim(&mut self, request: &ClaimRequest) -> Claim {
        let now = Instant::now();
        self.alive.insert(request.replica, now + request.lease);
        let generations = self.generations_of(&request.marks);
        let records = self.records.entry(request.key).or_default();
        records.retain(|it| it.ends_at > now && it.generations == generations);
        let fence = Fence {
            incarnation: self.incarnation,
            number: self.fences + 1,
        };
        self.fences += 1;
        let claim = match request.sharing {
            Sharing::Shared => claim_shared(records, request, &self.alive, now),
            _ => claim_exclusive(records, request, &self.alive, fence),
        };
        if let Some(claim) = claim {
            return claim;
        }
        records.push(Record {
            session: request.session,
            fence,
            holders: vec![request.replica],
            sealed: None,
            ends_at: now + request.reserve_for,
            generations,
        });
        Claim::Reserved(holding(request, request.session, fence))
    }

    pub(super) fn record(
        &mut self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        let record = self.current(holding)?.ok_or(DirectoryError::Lost)?;
        record.sealed = Some(sealed.clone());
        record.ends_at = Instant::now() + ttl;
        Ok(())
    }

    pub(super) fn hand_over(&mut self, holding: &Holding) -> Result<(), DirectoryError> {
        if let Some(record) = self.current(holding)? {
            record.holders.retain(|holder| *holder != holding.replica);
        }
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        holding: &Holding,
        removal: Removal,
    ) -> Result<Removed, DirectoryError> {
        let (alive, now) = (self.alive.clone(), Instant::now());
        let Some(record) = self.current(holding)? else {
            return Ok(Removed::Nothing);
        };
        record.holders.retain(|holder| *holder != holding.replica);
        let is_held = record.holders.iter().any(|it| is_alive(&alive, it, now));
        if is_held && removal == Removal::Own {
            return Ok(Removed::Others);
        }
        if let Some(records) = self.records.get_mut(&holding.key) {
            records.retain(|it| it.session != holding.session);
        }
        Ok(Removed::Nothing)
    }

    pub(super) fn beat(&mut self, replica: &ReplicaId, lease: Duration, seen: Option<u64>) -> Beat {
        let now = Instant::now();
        self.alive.retain(|_, until| *until > now);
        self.alive.insert(*replica, now + lease);
        self.records.retain(|_, records| {
            records.retain(|it| it.ends_at > now);
            !records.is_empty()
        });
        let latest = self.revoked.last().map_or(0, |it| it.number);
        let seen = seen.unwrap_or(latest);
        let first = self.revoked.partition_point(|it| it.number <= seen);
        Beat {
            incarnation: self.incarnation,
            seen: latest,
            revoked: self.revoked[first..].to_vec(),
        }
    }

    pub(super) fn revoke(&mut self, mark: FleetMark) {
        *self.generations.entry(mark).or_default() += 1;
        self.fences += 1;
        self.revoked.push(Revoked {
            mark,
            number: self.fences,
        });
    }

    fn generations_of(&self, marks: &[FleetMark]) -> Vec<u64> {
        let of = |mark| self.generations.get(mark).copied().unwrap_or_default();
        marks.iter().map(of).collect()
    }

    /// The record of a holding, unless it has ended.
    fn current(&mut self, holding: &Holding) -> Result<Option<&mut Record>, DirectoryError> {
        if holding.fence.incarnation != self.incarnation {
            return Err(DirectoryError::Lost);
        }
        let now = Instant::now();
        let records = self.records.entry(holding.key).or_default();
        let mut records = records.iter_mut();
        let record = records.find(|it| it.session == holding.session && it.ends_at > now);
        match record {
            Some(record) if record.fence != holding.fence => Err(DirectoryError::Lost),
            record => Ok(record),
        }
    }
}

/// A claim of the session that all replicas use. `None`: there is none.
fn claim_shared(
    records: &mut Vec<Record>,
    request: &ClaimRequest,
    alive: &HashMap<ReplicaId, Instant>,
    now: Instant,
) -> Option<Claim> {
    let is_opened = |it: &Record| {
        let mut others = it.holders.iter().filter(|it| **it != request.replica);
        it.sealed.is_some() || others.any(|holder| is_alive(alive, holder, now))
    };
    records.retain(is_opened);
    let record = records.first_mut()?;
    let remaining = record.ends_at - now;
    let Some(sealed) = record.sealed.clone() else {
        return Some(Claim::HeldElsewhere { until: remaining });
    };
    if !record.holders.contains(&request.replica) {
        record.holders.push(request.replica);
    }
    Some(Claim::Revive {
        holding: holding(request, record.session, record.fence),
        sealed,
        remaining,
    })
}

/// A claim of a session that no living replica holds. `None`: there is none.
fn claim_exclusive(
    records: &mut [Record],
    request: &ClaimRequest,
    alive: &HashMap<ReplicaId, Instant>,
    fence: Fence,
) -> Option<Claim> {
    let now = Instant::now();
    let is_free = |it: &&mut Record| {
        it.sealed.is_some() && !it.holders.iter().any(|it| is_alive(alive, it, now))
    };
    let record = records.iter_mut().find(is_free)?;
    let sealed = record.sealed.clone()?;
    record.fence = fence;
    record.holders = vec![request.replica];
    Some(Claim::Revive {
        holding: holding(request, record.session, fence),
        sealed,
        remaining: record.ends_at.saturating_duration_since(now),
    })
}

fn is_alive(alive: &HashMap<ReplicaId, Instant>, replica: &ReplicaId, now: Instant) -> bool {
    alive.get(replica).is_some_and(|until| *until > now)
}

fn holding(request: &ClaimRequest, session: SessionRef, fence: Fence) -> Holding {
    Holding {
        key: request.key,
        session,
        sharing: request.sharing,
        replica: request.replica,
        fence,
    }
}
