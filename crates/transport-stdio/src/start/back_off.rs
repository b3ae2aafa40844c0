//! Pauses between starts that fail.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::{Instant, sleep_until, timeout_at},
};

use crate::error::StdioError;

/// The pauses of one command: one for each credential, so that a caller whose credential ends its
/// child stops no other caller.
#[derive(Default)]
pub(crate) struct BackOff {
    failing: Mutex<HashMap<StartKey, Failing>>,
    hasher: RandomState,
}

/// What starts have in common that fail together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StartKey(u64);

/// Starts that fail.
struct Failing {
    failures: u32,
    until: Instant,
    cause: StdioError,
    /// Held by the one start that finds out whether the next one succeeds.
    trial: Arc<AsyncMutex<()>>,
}

/// A pause that outlasts its waiter.
#[derive(Debug)]
pub(crate) struct Pause {
    pub(crate) wait: Duration,
    pub(crate) cause: StdioError,
}

/// A start under way. Dropped without an outcome it changes nothing.
pub(crate) struct Start<'b> {
    back_off: &'b BackOff,
    key: StartKey,
    _trial: Option<OwnedMutexGuard<()>>,
}

/// The next step of a waiter.
enum Step {
    Go,
    Trial(Arc<AsyncMutex<()>>),
}

impl BackOff {
    /// The key of starts with these values.
    pub(crate) fn key<'v>(&self, values: impl Iterator<Item = (&'v str, &'v str)>) -> StartKey {
        StartKey(self.hasher.hash_one(values.collect::<Vec<_>>()))
    }

    /// Waits until a child may start. While starts fail, one at a time does.
    ///
    /// # Errors
    /// The pause is longer than the time until `deadline`.
    pub(crate) async fn admit(&self, key: StartKey, deadline: Instant) -> Result<Start<'_>, Pause> {
        let start = |trial| Start {
            back_off: self,
            key,
            _trial: trial,
        };
        let trial = match self.step(key) {
            Step::Go => return Ok(start(None)),
            Step::Trial(trial) => trial,
        };
        self.check(key, deadline)?;
        let Ok(trial) = timeout_at(deadline, trial.lock_owned()).await else {
            return Err(self.pause(key));
        };
        // The start before this one may have failed again, or succeeded.
        while let Some(until) = self.until(key) {
            self.check(key, deadline)?;
            if until <= Instant::now() {
                return Ok(start(Some(trial)));
            }
            sleep_until(until).await;
        }
        Ok(start(None))
    }

    fn step(&self, key: StartKey) -> Step {
        match self.lock().get(&key) {
            None => Step::Go,
            Some(failing) => Step::Trial(Arc::clone(&failing.trial)),
        }
    }

    fn until(&self, key: StartKey) -> Option<Instant> {
        self.lock().get(&key).map(|failing| failing.until)
    }

    fn check(&self, key: StartKey, deadline: Instant) -> Result<(), Pause> {
        match self.until(key) {
            Some(until) if until >= deadline => Err(self.pause(key)),
            _ => Ok(()),
        }
    }

    fn pause(&self, key: StartKey) -> Pause {
        let failing = self.lock();
        let failing = failing.get(&key);
        let wait = failing.map(|it| it.until.saturating_duration_since(Instant::now()));
        let cause = failing.map(|it| it.cause.clone());
        Pause {
            wait: wait.unwrap_or_default(),
            // Starts that no longer fail have ended no wait.
            cause: cause.unwrap_or(StdioError::MalformedEndpoint),
        }
    }

    fn note_failure(&self, key: StartKey, cause: StdioError) {
        let now = Instant::now();
        let mut failing = self.lock();
        if failing.len() >= MAX_KEYS {
            failing.retain(|_, it| it.until + LONGEST > now);
        }
        if failing.len() >= MAX_KEYS && !failing.contains_key(&key) {
            return;
        }
        let entry = failing.entry(key).or_insert_with(|| Failing {
            failures: 0,
            until: now,
            cause: cause.clone(),
            trial: Arc::default(),
        });
        entry.until = now + pause_after(entry.failures);
        entry.failures += 1;
        entry.cause = cause;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StartKey, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Start<'_> {
    /// The child has started.
    pub(crate) fn succeeded(&self) {
        drop(self.back_off.lock().remove(&self.key));
    }

    /// The child has ended, or did not start.
    pub(crate) fn failed(&self, cause: StdioError) {
        self.back_off.note_failure(self.key, cause);
    }
}

/// The pause after this many failures before the last one, with jitter: 75 % to 125 %.
fn pause_after(failures: u32) -> Duration {
    let factor = 1 << failures.min(MAX_DOUBLINGS);
    let pause = (FIRST * factor).min(LONGEST);
    pause.mul_f64(rand::random_range(0.75..1.25)).min(LONGEST)
}

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
const MAX_DOUBLINGS: u32 = 9;
/// Credentials whose starts fail at the same time, of one command.
const MAX_KEYS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> StdioError {
        StdioError::UnknownCommand {
            command: "c".to_owned(),
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    async fn fail(back_off: &BackOff, key: StartKey) {
        let start = back_off.admit(key, soon()).await.expect("a start");
        start.failed(cause());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_from_100_ms_to_30_s() {
        let back_off = BackOff::default();
        let key = back_off.key(std::iter::empty());
        let mut expected = FIRST;
        for _ in 0..12 {
            let began = Instant::now();
            fail(&back_off, key).await;
            let waited = began.elapsed();
            // The start waits for the pause of the failure before it.
            let of_last = expected / 2;
            if expected > FIRST {
                assert!(waited >= of_last.mul_f64(0.75), "{waited:?}, {of_last:?}");
                assert!(waited <= of_last.mul_f64(1.25) + FIRST, "{waited:?}");
            }
            expected = (expected * 2).min(2 * LONGEST);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_outlasts_the_deadline_is_an_error_at_once() {
        let back_off = BackOff::default();
        let key = back_off.key(std::iter::empty());
        fail(&back_off, key).await;
        let began = Instant::now();
        let deadline = began + Duration::from_millis(20);
        let pause = back_off.admit(key, deadline).await.err().expect("a pause");
        assert!(pause.wait > Duration::from_millis(20), "{pause:?}");
        assert_eq!(pause.cause, cause());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_start_at_a_time_follows_a_failure_and_a_success_frees_all() {
        let back_off = BackOff::default();
        let key = back_off.key(std::iter::empty());
        fail(&back_off, key).await;
        let first = back_off.admit(key, soon()).await.expect("a start");
        let deadline = Instant::now() + Duration::from_secs(1);
        assert!(back_off.admit(key, deadline).await.is_err(), "one is tried");
        let second = back_off.admit(key, soon());
        let succeed = async move { first.succeeded() };
        let (second, ()) = tokio::join!(second, succeed);
        let third = back_off.admit(key, deadline).await;
        assert!(second.is_ok() && third.is_ok(), "both at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_that_ends_its_child_stops_no_other() {
        let back_off = BackOff::default();
        let bad = back_off.key([("TOKEN", "bad")].into_iter());
        let good = back_off.key([("TOKEN", "good")].into_iter());
        fail(&back_off, bad).await;
        let began = Instant::now();
        assert!(back_off.admit(good, began).await.is_ok());
        assert!(back_off.admit(bad, began).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_credentials_that_are_kept_are_bounded() {
        let back_off = BackOff::default();
        for number in 0..2 * MAX_KEYS {
            let number = number.to_string();
            let key = back_off.key([("TOKEN", number.as_str())].into_iter());
            back_off.note_failure(key, cause());
        }
        assert_eq!(back_off.lock().len(), MAX_KEYS);
    }
}
