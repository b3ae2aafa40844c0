//! Keys behind a URL: fetched by single flight, refreshed in the background,
//! and kept for a limited time while the source is down.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use jsonwebtoken::Algorithm;
use tokio::{sync::watch, time::Instant};

use super::{
    fetch::{FetchError, Fetcher},
    set::KeySet,
    settings::JwksSettings,
};

/// Keys behind a URL.
pub(crate) struct RemoteKeys {
    fetcher: Fetcher,
    settings: JwksSettings,
    allowed: Option<Vec<Algorithm>>,
    fetched: ArcSwapOption<FetchedSet>,
    state: Mutex<FetchState>,
    /// Counts the fetches that have ended.
    ended: watch::Sender<u64>,
}

/// A fetched set.
pub(crate) struct FetchedSet {
    pub(crate) keys: KeySet,
    /// Changes with the keys. A result of one generation is invalid in the
    /// next.
    pub(crate) generation: u64,
    fetched_at: Instant,
}

/// How the last fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchOutcome {
    Fetched,
    Failed,
}

/// The fetch under way and the fetches before it.
struct FetchState {
    is_running: bool,
    /// No fetch starts earlier.
    not_before: Option<Instant>,
    /// Failures in a row.
    failures: u32,
}

impl RemoteKeys {
    pub(crate) fn new(
        fetcher: Fetcher,
        settings: JwksSettings,
        allowed: Option<Vec<Algorithm>>,
    ) -> Self {
        Self {
            fetcher,
            settings,
            allowed,
            fetched: ArcSwapOption::empty(),
            state: Mutex::new(FetchState {
                is_running: false,
                not_before: None,
                failures: 0,
            }),
            ended: watch::Sender::new(0),
        }
    }

    /// The keys that are valid now, if any. Does not wait; starts a refresh
    /// when one is due.
    pub(crate) fn current(self: &Arc<Self>) -> Option<Arc<FetchedSet>> {
        let fetched = self.fetched.load_full()?;
        let now = Instant::now();
        let age = now.saturating_duration_since(fetched.fetched_at);
        if age < self.settings.refresh_every {
            return Some(fetched);
        }
        self.start_fetch(&mut self.state(), now);
        (age - self.settings.refresh_every < self.settings.keep_stale).then_some(fetched)
    }

    /// Waits for the fetch under way, or for a new one if one may start.
    /// Returns how the last fetch ended.
    ///
    /// Cancel safe: the fetch is a task of its own.
    pub(crate) async fn wait_for_fetch(self: &Arc<Self>) -> FetchOutcome {
        let running = {
            let mut state = self.state();
            // A fetch ends under the same lock, so this cannot be a lost wake-up.
            let ended = self.ended.subscribe();
            self.start_fetch(&mut state, Instant::now());
            state.is_running.then_some(ended)
        };
        if let Some(mut ended) = running {
            // It fails only without a sender, and `self` holds the sender.
            let _ = ended.changed().await;
        }
        match self.state().failures {
            0 => FetchOutcome::Fetched,
            _ => FetchOutcome::Failed,
        }
    }

    /// Starts a fetch, unless one is running or it is too early for another.
    fn start_fetch(self: &Arc<Self>, state: &mut FetchState, now: Instant) {
        if state.is_running || state.not_before.is_some_and(|start| now < start) {
            return;
        }
        state.is_running = true;
        state.not_before = now.checked_add(self.settings.cooldown);
        let fetch = Fetch {
            keys: Arc::clone(self),
            started: now,
            result: None,
        };
        tokio::spawn(fetch.run());
    }

    fn store(&self, keys: KeySet) {
        let before = self.fetched.load_full();
        let generation = match before.as_deref() {
            Some(fetched) if fetched.keys == keys => fetched.generation,
            Some(fetched) => fetched.generation + 1,
            None => 1,
        };
        tracing::debug!(
            origin = self.fetcher.origin(),
            keys = keys.len(),
            generation,
            "verification keys fetched"
        );
        self.fetched.store(Some(Arc::new(FetchedSet {
            keys,
            generation,
            fetched_at: Instant::now(),
        })));
    }

    fn state(&self) -> MutexGuard<'_, FetchState> {
        // No code panics while it holds the lock, and each field is valid by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("fetcher", &self.fetcher)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// One fetch. Its drop wakes every waiter, however the fetch ends.
struct Fetch {
    keys: Arc<RemoteKeys>,
    started: Instant,
    result: Option<Result<KeySet, FetchError>>,
}

impl Fetch {
    async fn run(mut self) {
        let allowed = self.keys.allowed.as_deref();
        let result = match self.keys.fetcher.fetch().await {
            Ok(body) => KeySet::published(&body, allowed).map_err(FetchError::from),
            Err(error) => Err(error),
        };
        self.result = Some(result);
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let fetched = match self.result.take() {
            Some(Ok(keys)) => {
                self.keys.store(keys);
                true
            }
            Some(Err(error)) => {
                let origin = self.keys.fetcher.origin();
                tracing::warn!(origin, %error, "verification keys could not be fetched");
                false
            }
            // The runtime dropped the task.
            None => false,
        };
        let mut state = self.keys.state();
        state.is_running = false;
        if fetched {
            state.failures = 0;
        } else {
            let pause = FIRST_PAUSE * 2u32.saturating_pow(state.failures).min(MAX_FACTOR);
            state.not_before = self
                .started
                .checked_add(pause.min(self.keys.settings.cooldown));
            state.failures = state.failures.saturating_add(1);
        }
        self.keys.ended.send_modify(|count| *count += 1);
    }
}

/// Between the first failed fetch and the second.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_FACTOR: u32 = 1 << 12;
