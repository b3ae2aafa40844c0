//! Ten rolling restarts under load.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use futures::future::join_all;

use super::stage::{Caller, Recorded, Stage};
use crate::{
    Result,
    fleet::{processes::Replica, report::Row},
};

/// Ten rolling restarts of all replicas, under callers that go to each of them until its signal. What a
/// replica has begun it completes; what it does not take any more goes to another one, as a balancer has
/// it.
pub(super) async fn play(stage: &mut Stage, row: &mut Row) -> Result {
    let load = Load {
        replicas: RwLock::new(stage.replicas.clone()),
        is_over: AtomicBool::new(false),
        failed: AtomicU64::new(0),
        calls: AtomicU64::new(0),
    };
    let callers = join_all((0..CALLERS).map(|caller| load.call(stage, caller)));
    let restarts = async {
        let restarted = restart_all(stage, &load).await;
        load.is_over.store(true, Ordering::Relaxed);
        restarted
    };
    let (_, initializes) = tokio::join!(callers, restarts);
    row.rolling_initializes_after_first_round = initializes?;
    row.rolling_failed_calls = load.failed.load(Ordering::Relaxed);
    row.rolling_calls = load.calls.load(Ordering::Relaxed);
    let replicas = load.replicas.into_inner()?;
    stage.replicas = replicas;
    Ok(())
}

/// Returns the sessions that were opened after the first round.
async fn restart_all(stage: &Stage, load: &Load) -> Result<u64> {
    let mut first_round = 0;
    for round in 0..ROUNDS {
        for place in 0..3 {
            let new = stage.start()?;
            let old = load.replace(place, new);
            old.stop().await?;
        }
        if round == 0 {
            first_round = stage.server.count("initialize");
        }
    }
    Ok((stage.server.count("initialize") - first_round) as u64)
}

struct Load {
    replicas: RwLock<Vec<Arc<Replica>>>,
    is_over: AtomicBool,
    failed: AtomicU64,
    calls: AtomicU64,
}

impl Load {
    async fn call(&self, stage: &Stage, caller: u64) {
        let talk = Caller::talk(format!("rolling-{}", caller % 5));
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            number += 1;
            let id = format!("rolling-{caller}-{number}");
            while let Recorded::Unsent = self.try_call(stage, &talk, &id).await {}
        }
    }

    async fn try_call(&self, stage: &Stage, talk: &Caller, id: &str) -> Recorded {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(number % 3).unwrap_or_default();
        let Some(replica) = self.replica(place) else {
            return Recorded::Unsent;
        };
        let recorded = stage.record(&replica, talk, id).await;
        if let Recorded::Failed | Recorded::Cut = recorded {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        recorded
    }

    fn replica(&self, place: usize) -> Option<Arc<Replica>> {
        let replicas = self.replicas.read().ok()?;
        replicas.get(place).map(Arc::clone)
    }

    /// Puts a replica in the place of another, which it returns.
    fn replace(&self, place: usize, new: Arc<Replica>) -> Arc<Replica> {
        let mut replicas = self
            .replicas
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut replicas[place], new)
    }
}

const CALLERS: u64 = 8;
const ROUNDS: usize = 10;
