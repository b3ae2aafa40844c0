//! What is known of the standalone stream of a server.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What is known of the standalone stream of a server, for a while.
#[derive(Debug, Default)]
pub(crate) struct KnownStream(Mutex<Option<Known>>);

/// What a server did with the last requests for its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamHabit {
    /// It refuses them: there is none to request.
    Refuses,
    /// It does not answer in time, or fails: none is worth a wait.
    Slow,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    habit: StreamHabit,
    until: Instant,
}

impl KnownStream {
    /// What is known, until it is too old.
    pub(crate) fn habit(&self) -> Option<StreamHabit> {
        let known = self.lock().filter(|known| Instant::now() < known.until);
        known.map(|known| known.habit)
    }

    pub(crate) fn note(&self, habit: StreamHabit) {
        let until = Instant::now() + TTL;
        *self.lock() = Some(Known { habit, until });
    }

    /// The server has opened a stream.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Costs one request in five minutes. Servers seldom gain a stream.
const TTL: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_habit_is_known_for_a_while_or_until_a_stream_opens() {
        let known = KnownStream::default();
        assert_eq!(known.habit(), None);
        known.note(StreamHabit::Refuses);
        tokio::time::advance(TTL - Duration::from_secs(1)).await;
        assert_eq!(known.habit(), Some(StreamHabit::Refuses));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(known.habit(), None);
        known.note(StreamHabit::Slow);
        known.forget();
        assert_eq!(known.habit(), None);
    }
}
