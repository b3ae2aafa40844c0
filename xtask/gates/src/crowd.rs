//! Many tasks that pass few slots on.

use std::sync::Arc;

use tokio::task::{JoinSet, yield_now};

/// A source of slots.
pub(crate) trait Slots: Send + Sync + 'static {
    type Slot: Send;

    /// Takes a slot.
    fn take(&self) -> impl Future<Output = Self::Slot> + Send;
}

/// Has 64 tasks take and give back slots, `times` in all. A task holds its slot while it yields once, as
/// it would while a server answers.
pub(crate) async fn crowd(slots: impl Slots, times: u64) {
    let slots = Arc::new(slots);
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let slots = Arc::clone(&slots);
        tasks.spawn(async move {
            for _ in 0..times / TASKS {
                let slot = slots.take().await;
                yield_now().await;
                drop(slot);
            }
        });
    }
    tasks.join_all().await;
}

const TASKS: u64 = 64;
