//! Claims of sessions in the directory.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use super::{link::FleetLink, names::FleetName};
use crate::extend::{
    Claim, ClaimRequest, Claimed, DirectoryError, Holding, ParkedSession, Removal,
    SessionDirectory, SessionRef, Sharing,
};

/// What a connect does after its claim.
pub(crate) enum Opening {
    /// Opens a session that the fleet does not know.
    Alone,
    /// Opens a session, which is recorded then.
    Reserved(Claimed),
    /// Goes on with a session.
    Revive(Revival),
}

/// A session to go on with.
pub(crate) struct Revival {
    pub(crate) claimed: Claimed,
    pub(crate) parked: ParkedSession,
    /// When its life ends.
    pub(crate) ends_at: Instant,
}

impl FleetLink {
    /// Claims a session of a key, or reserves a record for the one that is opened then.
    ///
    /// # Errors
    /// [`DirectoryError`]: another replica may have the session of the conversation, and the directory
    /// does not answer, or the other replica opens it for longer than `deadline`.
    pub(crate) async fn claim(
        &self,
        name: &FleetName,
        sharing: Sharing,
        deadline: Instant,
    ) -> Result<Opening, DirectoryError> {
        while Instant::now() < deadline {
            let request = self.claim_request(name, sharing, deadline);
            // Before the claim: the store may learn of the revocation while its answer is on its way.
            let is_revoked = self.overdue.is_revoked(&name.marks);
            let under_way = self.closings.begin_claim();
            let sent = Instant::now();
            let claim = match self.step(self.claim_or_give_back(request)).await {
                Ok(claim) => claim,
                Err(error) => return self.without_directory(sharing, error),
            };
            match claim {
                Claim::Reserved(holding) => {
                    return Ok(Opening::Reserved(self.claimed(holding, sent)));
                }
                Claim::Revive { holding, .. } if under_way.meets_close_of(holding.session) => {
                    sleep(MIN_POLL).await;
                }
                // The directory does not know of the revocation yet.
                Claim::Revive { holding, .. }
                    if is_revoked || self.overdue.is_revoked(&name.marks) =>
                {
                    self.forget(&holding).await;
                }
                Claim::Revive {
                    holding,
                    sealed,
                    remaining,
                } => {
                    let claimed = self.claimed(holding, sent);
                    match self.fleet.seal.open(&name.key, &sealed) {
                        Ok(parked) => {
                            let ends_at = sent + remaining;
                            return Ok(Opening::Revive(Revival {
                                claimed,
                                parked,
                                ends_at,
                            }));
                        }
                        Err(error) => {
                            let key = &name.key;
                            tracing::warn!(?key, error = error.as_str(), "record not opened");
                            self.forget(&holding).await;
                        }
                    }
                }
                Claim::HeldElsewhere { until } => {
                    sleep(until.clamp(MIN_POLL, MAX_POLL)).await;
                }
            }
        }
        Err(DirectoryError::Unreachable(None))
    }

    fn claim_request(&self, name: &FleetName, sharing: Sharing, deadline: Instant) -> ClaimRequest {
        let handshake = deadline.saturating_duration_since(Instant::now());
        ClaimRequest {
            key: name.key,
            marks: name.marks.clone(),
            sharing,
            replica: self.replica,
            lease: self.fleet.lease,
            session: SessionRef::random(),
            // The record follows the handshake.
            reserve_for: handshake + self.fleet.lease,
        }
    }

    /// One claim. What the store grants after the budget is given back: a reservation that no connect is
    /// behind would hold up the other replicas.
    async fn claim_or_give_back(&self, request: ClaimRequest) -> Result<Claim, DirectoryError> {
        let directory = Arc::clone(&self.fleet.directory);
        let limit = self.fleet.lease;
        let (sender, answer) = oneshot::channel();
        tokio::spawn(async move {
            let claim = timeout(limit, directory.claim(&request)).await;
            let claim = claim.unwrap_or(Err(DirectoryError::Unreachable(None)));
            if let Err(Ok(unwanted)) = sender.send(claim) {
                give_back(directory.as_ref(), unwanted).await;
            }
        });
        let answer = answer.await;
        answer.unwrap_or(Err(DirectoryError::Unreachable(None)))
    }

    /// Notes a claim, which counts as a beat.
    fn claimed(&self, holding: Holding, sent: Instant) -> Claimed {
        self.tenure.confirm(sent, holding.fence.incarnation);
        let term = self.tenure.term();
        Claimed { holding, term }
    }

    fn without_directory(
        &self,
        sharing: Sharing,
        error: DirectoryError,
    ) -> Result<Opening, DirectoryError> {
        match sharing {
            Sharing::Shared if !self.fleet.opens_unrecorded => Err(error),
            _ => Ok(Opening::Alone),
        }
    }
}

/// Gives back what a claim was granted too late.
async fn give_back(directory: &dyn SessionDirectory, claim: Claim) {
    // What is not given back ends with its time to live.
    let _ = match claim {
        Claim::Reserved(holding) => {
            let removed = directory.remove(&holding, Removal::Whole).await;
            removed.map(drop)
        }
        Claim::Revive {
            holding,
            sealed,
            remaining,
        } if holding.sharing == Sharing::Exclusive => {
            directory.park(&holding, &sealed, remaining).await
        }
        // A later claim of this replica may hold it.
        Claim::Revive { .. } | Claim::HeldElsewhere { .. } => Ok(()),
    };
}

/// Between two looks at a session that another replica opens.
const MIN_POLL: Duration = Duration::from_millis(1);
const MAX_POLL: Duration = Duration::from_millis(20);
