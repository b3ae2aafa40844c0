//! A directory whose steps are counted and can fail, and pools that share it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mcp_session_pool::{
    Fleet, FleetSecret, InMemoryDirectory, PoolConfig, SessionPool, StreamableHttpConnector,
    extend::{
        Beat, Claim, ClaimRequest, DirectoryError, FleetKey, FleetMark, Holding, Removal, Removed,
        ReplicaId, SealedSession, SessionDirectory,
    },
};

/// How a directory behaves.
#[derive(Clone, Default)]
pub(super) struct Directory {
    pub(super) store: InMemoryDirectory,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_down: AtomicBool,
    hangs: AtomicBool,
    refuses_records: AtomicBool,
    holds_records: AtomicBool,
    holds_beats: AtomicBool,
    beats: AtomicUsize,
    claim_delay: Mutex<Duration>,
    refuses_revocations: AtomicBool,
    revocations: AtomicUsize,
    claims: AtomicUsize,
    steps: AtomicUsize,
    parks: AtomicUsize,
    sealed: Mutex<Vec<SealedSession>>,
    planted: Mutex<Option<SealedSession>>,
    hints_read: AtomicUsize,
    hints_left: Mutex<Vec<SealedSession>>,
    planted_hint: Mutex<Option<SealedSession>>,
}

impl Directory {
    /// A handle on the same store that fails on its own: the network of one replica.
    pub(super) fn for_replica(&self) -> Self {
        Self {
            store: self.store.clone(),
            shared: Arc::default(),
        }
    }

    /// Refuses every step, or serves again.
    pub(super) fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Answers no step.
    pub(super) fn hang(&self) {
        self.shared.hangs.store(true, Ordering::SeqCst);
    }

    /// Does not answer to records and to sessions that are handed over, or serves again.
    pub(super) fn refuse_records(&self, refuses: bool) {
        self.shared.refuses_records.store(refuses, Ordering::SeqCst);
    }

    /// Keeps back the answers to what it records, or answers again.
    pub(super) fn hold_records(&self, holds: bool) {
        self.shared.holds_records.store(holds, Ordering::SeqCst);
    }

    /// Keeps back beats, and with them the news, or answers again.
    pub(super) fn hold_beats(&self, holds: bool) {
        self.shared.holds_beats.store(holds, Ordering::SeqCst);
    }

    /// Does not answer to revocations, or serves again.
    pub(super) fn refuse_revocations(&self, refuses: bool) {
        let refusing = &self.shared.refuses_revocations;
        refusing.store(refuses, Ordering::SeqCst);
    }

    /// The revocations that were executed.
    pub(super) fn revocations(&self) -> usize {
        self.shared.revocations.load(Ordering::SeqCst)
    }

    /// Grants claims at once, and answers this much later.
    pub(super) fn answer_claims_after(&self, delay: Duration) {
        *self.shared.claim_delay.lock().expect("not poisoned") = delay;
    }

    pub(super) fn claims(&self) -> usize {
        self.shared.claims.load(Ordering::SeqCst)
    }

    /// The steps without beats.
    pub(super) fn steps(&self) -> usize {
        self.shared.steps.load(Ordering::SeqCst)
    }

    pub(super) fn beats(&self) -> usize {
        self.shared.beats.load(Ordering::SeqCst)
    }

    /// The sessions that were handed over.
    pub(super) fn parks(&self) -> usize {
        self.shared.parks.load(Ordering::SeqCst)
    }

    /// Everything that was recorded.
    pub(super) fn sealed(&self) -> Vec<SealedSession> {
        self.shared.sealed.lock().expect("not poisoned").clone()
    }

    /// Gives this record to the next claim, whatever its key.
    pub(super) fn plant(&self, sealed: SealedSession) {
        *self.shared.planted.lock().expect("not poisoned") = Some(sealed);
    }

    /// How often a hint was read.
    pub(super) fn hints_read(&self) -> usize {
        self.shared.hints_read.load(Ordering::SeqCst)
    }

    /// Every hint that was left.
    pub(super) fn hints_left(&self) -> Vec<SealedSession> {
        self.shared.hints_left.lock().expect("not poisoned").clone()
    }

    /// Gives this hint for every upstream.
    pub(super) fn plant_hint(&self, sealed: SealedSession) {
        *self.shared.planted_hint.lock().expect("not poisoned") = Some(sealed);
    }

    async fn enter(&self) -> Result<(), DirectoryError> {
        if self.shared.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.shared.is_down.load(Ordering::SeqCst) {
            true => Err(DirectoryError::Unreachable(None)),
            false => Ok(()),
        }
    }

    async fn step(&self) -> Result<(), DirectoryError> {
        self.shared.steps.fetch_add(1, Ordering::SeqCst);
        self.enter().await
    }

    /// Notes what is recorded.
    fn note(&self, sealed: &SealedSession) -> Result<(), DirectoryError> {
        if self.shared.refuses_records.load(Ordering::SeqCst) {
            return Err(DirectoryError::Unreachable(None));
        }
        let mut all = self.shared.sealed.lock().expect("not poisoned");
        all.push(sealed.clone());
        Ok(())
    }
}

#[async_trait]
impl SessionDirectory for Directory {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        self.shared.claims.fetch_add(1, Ordering::SeqCst);
        self.step().await?;
        let claim = self.store.claim(request).await?;
        let delay = *self.shared.claim_delay.lock().expect("not poisoned");
        tokio::time::sleep(delay).await;
        let planted = self.shared.planted.lock().expect("not poisoned").take();
        Ok(match (claim, planted) {
            (Claim::Reserved(holding), Some(sealed)) => Claim::Revive {
                holding,
                sealed,
                remaining: Duration::from_secs(60),
            },
            (claim, _) => claim,
        })
    }

    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.step().await?;
        self.note(sealed)?;
        self.store.record(holding, sealed, ttl).await?;
        while_set(&self.shared.holds_records).await;
        Ok(())
    }

    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.step().await?;
        self.note(sealed)?;
        let parked = self.store.park(holding, sealed, ttl).await;
        self.shared.parks.fetch_add(1, Ordering::SeqCst);
        parked
    }

    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError> {
        self.step().await?;
        self.store.remove(holding, removal).await
    }

    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        self.enter().await?;
        while_set(&self.shared.holds_beats).await;
        let beat = self.store.beat(replica, lease, seen).await;
        self.shared.beats.fetch_add(1, Ordering::SeqCst);
        beat
    }

    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        self.step().await?;
        if self.shared.refuses_revocations.load(Ordering::SeqCst) {
            return Err(DirectoryError::Unreachable(None));
        }
        self.shared.revocations.fetch_add(1, Ordering::SeqCst);
        self.store.revoke(mark).await
    }

    async fn news(&self) {
        self.store.news().await;
    }

    async fn hint(&self, upstream: &FleetKey) -> Result<Option<SealedSession>, DirectoryError> {
        self.shared.hints_read.fetch_add(1, Ordering::SeqCst);
        self.enter().await?;
        let planted = self.shared.planted_hint.lock();
        let planted = planted.expect("not poisoned").clone();
        match planted {
            Some(sealed) => Ok(Some(sealed)),
            None => self.store.hint(upstream).await,
        }
    }

    async fn leave_hint(
        &self,
        upstream: &FleetKey,
        hint: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.enter().await?;
        self.store.leave_hint(upstream, hint, ttl).await?;
        let mut left = self.shared.hints_left.lock().expect("not poisoned");
        left.push(hint.clone());
        Ok(())
    }
}

async fn while_set(flag: &AtomicBool) {
    while flag.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A fleet over this directory, whose steps have time enough on any machine.
pub(super) fn fleet(directory: &Directory) -> Fleet {
    let secret = FleetSecret::new([1; 32], 1, [2; 32]);
    Fleet::new(directory.clone(), secret).with_budget(Duration::from_secs(5))
}

/// A pool of this fleet.
pub(super) fn replica_of(fleet: Fleet) -> SessionPool {
    SessionPool::builder()
        .config(PoolConfig::default())
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .fleet(fleet)
        .build()
        .expect("a valid configuration")
}

/// A pool of the fleet over this directory.
pub(super) fn replica(directory: &Directory) -> SessionPool {
    replica_of(fleet(directory))
}

/// A lease that a replica on a slow machine keeps: one that does not beat in time loses its reservations.
pub(super) const LEASE: Duration = Duration::from_secs(3);
