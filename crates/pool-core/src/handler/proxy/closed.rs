//! The end of a session, for those who wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::SetOnce;

/// Whether a session has left its key. What wakes those who wait is made for the first of them.
#[derive(Default)]
pub(super) struct Closed(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Open,
    Awaited(Arc<SetOnce<()>>),
    Closed,
}

impl Closed {
    /// Wakes all who wait. Only the first call has an effect.
    pub(super) fn set(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Closed);
        if let State::Awaited(event) = before {
            // No other call has replaced it.
            let _ = event.set(());
        }
    }

    /// Waits until it is set. Cancel safe.
    pub(super) async fn wait(&self) {
        let event = match &mut *self.lock() {
            State::Closed => return,
            State::Awaited(event) => Arc::clone(event),
            state @ State::Open => {
                let event = Arc::<SetOnce<()>>::default();
                *state = State::Awaited(Arc::clone(&event));
                event
            }
        };
        event.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_woken_and_those_who_come_later_do_not_wait() {
        let closed = Closed::default();
        let set = async {
            // Both wait by now.
            tokio::task::yield_now().await;
            assert!(matches!(*closed.lock(), State::Awaited(_)));
            closed.set();
        };
        tokio::join!(closed.wait(), closed.wait(), set);
        closed.set();
        closed.wait().await;
    }
}
