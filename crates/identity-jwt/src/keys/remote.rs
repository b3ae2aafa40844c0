//! Keys behind a URL: fetched once for all who wait, refreshed behind their backs, kept for a while
//! when the source is down.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use jsonwebtoken::Algorithm;
use tokio::{sync::watch, time::Instant};

use super::{
    KeySet,
    fetch::{FetchError, Fetcher},
};

/// How a key set behind a URL is fetched and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwksSettings {
    /// After this time the set is fetched anew, in the background of the next use. It bounds for
    /// how long a withdrawn key still counts. Default: 10 minutes.
    pub refresh_every: Duration,
    /// At most one fetch in this time because of tokens whose key is unknown, so that garbage does
    /// not become load on the issuer; zero for no bound but one fetch at a time. Also the longest
    /// pause between attempts when fetching fails; the first pauses are 1, 2, 4, … seconds.
    /// Default: 30 seconds, about as long as a rotation goes unnoticed in the worst case.
    pub cooldown: Duration,
    /// How long beyond `refresh_every` keys still count while the source is down. Default: 1 hour.
    pub keep_stale: Duration,
    /// How long a fetch may take as a whole. Default: 5 seconds.
    pub timeout: Duration,
    /// The longest answer in bytes. Default: 1 MiB; real sets have a few KiB.
    pub max_bytes: usize,
}

/// Keys behind a URL.
pub(crate) struct RemoteKeys {
    fetcher: Fetcher,
    settings: JwksSettings,
    allowed: Option<Vec<Algorithm>>,
    held: ArcSwapOption<Held>,
    flight: Mutex<Flight>,
    landed: watch::Sender<u64>,
}

/// A fetched set.
pub(crate) struct Held {
    pub(crate) keys: KeySet,
    /// Changes with the keys: what was decided under another generation has to be decided again.
    pub(crate) generation: u64,
    fetched_at: Instant,
}

/// How the last fetch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    Fetched,
    Failed,
}

/// What is known of fetches under way and past.
struct Flight {
    aloft: bool,
    /// No fetch starts before this.
    not_before: Option<Instant>,
    /// In a row.
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
            held: ArcSwapOption::empty(),
            flight: Mutex::new(Flight {
                aloft: false,
                not_before: None,
                failures: 0,
            }),
            landed: watch::Sender::new(0),
        }
    }

    /// The keys that count now, if there are any. Never waits; starts a refresh when one is due.
    pub(crate) fn current(self: &Arc<Self>) -> Option<Arc<Held>> {
        let held = self.held.load_full()?;
        let now = Instant::now();
        let age = now.saturating_duration_since(held.fetched_at);
        if age < self.settings.refresh_every {
            return Some(held);
        }
        self.depart(&mut self.flight(), now);
        (age - self.settings.refresh_every < self.settings.keep_stale).then_some(held)
    }

    /// Waits for a fetch: the one under way, or a new one if one may start. Says how the last one
    /// went.
    ///
    /// Cancel safe: the fetch is a task of its own.
    pub(crate) async fn newer(self: &Arc<Self>) -> Landing {
        let waiting = {
            let mut flight = self.flight();
            let landed = self.landed.subscribe();
            self.depart(&mut flight, Instant::now());
            flight.aloft.then_some(landed)
        };
        if let Some(mut landed) = waiting {
            // An error means that the sender is gone, and it is ours.
            let _ = landed.changed().await;
        }
        match self.flight().failures {
            0 => Landing::Fetched,
            _ => Landing::Failed,
        }
    }

    /// Starts a fetch unless one is under way or it is too early for another.
    fn depart(self: &Arc<Self>, flight: &mut Flight, now: Instant) {
        if flight.aloft || flight.not_before.is_some_and(|start| now < start) {
            return;
        }
        flight.aloft = true;
        flight.not_before = now.checked_add(self.settings.cooldown);
        let fetch = Fetch {
            keys: Arc::clone(self),
            started: now,
            outcome: None,
        };
        tokio::spawn(fetch.run());
    }

    fn take(&self, keys: KeySet) {
        let before = self.held.load_full();
        let generation = match before.as_deref() {
            Some(held) if held.keys == keys => held.generation,
            Some(held) => held.generation + 1,
            None => 1,
        };
        tracing::debug!(
            origin = self.fetcher.origin(),
            keys = keys.len(),
            generation,
            "verification keys fetched"
        );
        self.held.store(Some(Arc::new(Held {
            keys,
            generation,
            fetched_at: Instant::now(),
        })));
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        // Nothing panics while it is held; the state is whole in any case.
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for JwksSettings {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_secs(600),
            cooldown: Duration::from_secs(30),
            keep_stale: Duration::from_secs(3600),
            timeout: Duration::from_secs(5),
            max_bytes: 1 << 20,
        }
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

/// One fetch. Lands when dropped, however it ends, so that nobody waits for it in vain.
struct Fetch {
    keys: Arc<RemoteKeys>,
    started: Instant,
    outcome: Option<Result<KeySet, FetchError>>,
}

impl Fetch {
    async fn run(mut self) {
        let allowed = self.keys.allowed.as_deref();
        let outcome = match self.keys.fetcher.fetch().await {
            Ok(body) => KeySet::published(&body, allowed).map_err(FetchError::from),
            Err(error) => Err(error),
        };
        self.outcome = Some(outcome);
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let fetched = match self.outcome.take() {
            Some(Ok(keys)) => {
                self.keys.take(keys);
                true
            }
            Some(Err(error)) => {
                let origin = self.keys.fetcher.origin();
                tracing::warn!(origin, %error, "verification keys could not be fetched");
                false
            }
            // The runtime went away.
            None => false,
        };
        let mut flight = self.keys.flight();
        flight.aloft = false;
        if fetched {
            flight.failures = 0;
        } else {
            let pause = FIRST_PAUSE * 2u32.saturating_pow(flight.failures).min(MAX_FACTOR);
            flight.not_before = self
                .started
                .checked_add(pause.min(self.keys.settings.cooldown));
            flight.failures = flight.failures.saturating_add(1);
        }
        self.keys.landed.send_modify(|count| *count += 1);
    }
}

/// Between the first failed attempt and the second.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_FACTOR: u32 = 1 << 12;
