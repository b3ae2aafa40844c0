//! A directory that fails at any step.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mcp_pool_core::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, FleetKey, FleetMark, Holding, Removal, Removed,
    ReplicaId, SealedSession, SessionDirectory, SessionSeal,
};
use mcp_pool_directory::{FleetSecret, InMemoryDirectory};
use tokio::time::sleep;

use super::{super::numbers::Numbers, model::Model};

/// The way of one replica to the directory, which fails at any step.
#[derive(Clone)]
pub(super) struct FailingDirectory {
    pub(super) store: InMemoryDirectory,
    pub(super) model: Model,
    fate: Arc<Mutex<Fate>>,
}

struct Fate {
    numbers: Numbers,
    /// Of 100 steps, those that fail in some way.
    percent: usize,
    is_cut_off: bool,
}

/// What happens to a step.
#[derive(Clone, Copy)]
enum Fault {
    None,
    /// It never arrives.
    Lost,
    /// It is executed, and its answer is lost.
    AnswerLost,
    /// It arrives late.
    Late(Duration),
    /// Its answer comes late.
    AnswerLate(Duration),
}

impl FailingDirectory {
    pub(super) fn new(store: InMemoryDirectory, model: Model, seed: u64, percent: usize) -> Self {
        Self {
            store,
            model,
            fate: Arc::new(Mutex::new(Fate {
                numbers: Numbers::new(seed, 0),
                percent,
                is_cut_off: false,
            })),
        }
    }

    pub(super) fn cut_off(&self, is_cut_off: bool) {
        self.fate().is_cut_off = is_cut_off;
    }

    /// Answers every step at once from now on.
    pub(super) fn heal(&self) {
        let mut fate = self.fate();
        fate.percent = 0;
        fate.is_cut_off = false;
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) -> Fault {
        let mut fate = self.fate();
        if fate.is_cut_off {
            return Fault::Lost;
        }
        let percent = fate.percent;
        if !fate.numbers.chance(percent) {
            return Fault::None;
        }
        match fate.numbers.below(4) {
            0 => Fault::Lost,
            1 => Fault::AnswerLost,
            2 => Fault::Late(fate.numbers.millis(100)),
            _ => Fault::AnswerLate(fate.numbers.millis(100)),
        }
    }

    /// Does a step under its fault.
    async fn step<T: Send>(
        &self,
        step: impl Future<Output = Result<T, DirectoryError>> + Send,
    ) -> Result<T, DirectoryError> {
        let fault = self.draw();
        if let Fault::Late(time) = fault {
            sleep(time).await;
        }
        let lost = Err(DirectoryError::Unreachable(None));
        if matches!(fault, Fault::Lost | Fault::AnswerLost) {
            self.model.lock().counts.failed_steps += 1;
        }
        if matches!(fault, Fault::Lost) {
            return lost;
        }
        let result = step.await;
        match fault {
            Fault::AnswerLost => lost,
            Fault::AnswerLate(time) => {
                sleep(time).await;
                result
            }
            _ => result,
        }
    }

    /// Checks that nothing is claimed that was revoked before.
    fn check_claim(&self, claim: &Claim) {
        let Claim::Revive {
            holding, sealed, ..
        } = claim
        else {
            return;
        };
        let mut model = self.model.lock();
        if let Some(session) = session_of(&holding.key, sealed)
            && model.sessions[session].is_revoked
        {
            let detail = format!("session {session} was given to a claim");
            model.violate("claimed_after_revocation", detail);
        }
    }
}

/// The number of a sealed session.
pub(super) fn session_of(key: &FleetKey, sealed: &SealedSession) -> Option<usize> {
    let parked = secret().open(key, sealed).ok()?;
    let text = std::str::from_utf8(parked.as_bytes()).ok()?;
    text.parse().ok()
}

pub(super) fn secret() -> FleetSecret {
    FleetSecret::new([1; 32], 1, [2; 32])
}

#[async_trait]
impl SessionDirectory for FailingDirectory {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        let step = async {
            let claim = self.store.claim(request).await?;
            self.model.lock().note_marks(request.key, &request.marks);
            self.check_claim(&claim);
            Ok(claim)
        };
        self.step(step).await
    }

    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        let step = async {
            self.store.record(holding, sealed, ttl).await?;
            if let Some(session) = session_of(&holding.key, sealed) {
                self.model.lock().note_recorded(session, &holding.key);
            }
            Ok(())
        };
        self.step(step).await
    }

    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        let step = self.store.park(holding, sealed, ttl);
        self.step(step).await
    }

    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError> {
        let step = self.store.remove(holding, removal);
        self.step(step).await
    }

    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        let step = self.store.beat(replica, lease, seen);
        self.step(step).await
    }

    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        let step = async {
            self.store.revoke(mark).await?;
            self.model.lock().revoke_in_directory(mark);
            Ok(())
        };
        self.step(step).await
    }

    async fn hint(&self, upstream: &FleetKey) -> Result<Option<SealedSession>, DirectoryError> {
        self.step(self.store.hint(upstream)).await
    }

    async fn leave_hint(
        &self,
        upstream: &FleetKey,
        hint: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.step(self.store.leave_hint(upstream, hint, ttl)).await
    }
}
