//! The state of an account.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use mcp_pool_core::{error::Challenge, extend::SingleFlight};
use tokio::time::Instant;

use super::{current::Current, key::AccountKey};
use crate::{discovery::Discovered, error::OAuthError, needed::AuthorizationNeeded};

/// The state of an account.
pub(crate) struct Account {
    pub(crate) key: AccountKey,
    /// The tokens in use.
    pub(crate) current: ArcSwapOption<Current>,
    /// Where the last tokens are from.
    pub(crate) discovered: ArcSwapOption<Discovered>,
    /// At most one renewal at a time.
    pub(crate) renewals: SingleFlight<Result<Arc<Current>, OAuthError>>,
    /// Whether the store was read.
    is_loaded: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When scopes were added.
    step_ups: Vec<Instant>,
    /// The authorization under way.
    needed: Option<AuthorizationNeeded>,
    /// When a refused token was replaced.
    replaced: Vec<Instant>,
    /// When the endpoint was looked at last, and for which challenge.
    discovery: Option<Discovery>,
    /// Until when no renewal ahead of time is tried, after one that failed.
    rests_until: Option<Instant>,
}

struct Discovery {
    at: Instant,
    challenge: Challenge,
}

impl Account {
    pub(crate) fn new(key: AccountKey) -> Self {
        Self {
            key,
            current: ArcSwapOption::empty(),
            discovered: ArcSwapOption::empty(),
            renewals: SingleFlight::default(),
            is_loaded: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Returns true for the first caller, which reads the store.
    pub(crate) fn begins_to_load(&self) -> bool {
        !self.is_loaded.swap(true, Ordering::Relaxed)
    }

    /// Uses these tokens from now on.
    pub(crate) fn adopt(&self, current: Current) -> Arc<Current> {
        let current = Arc::new(current);
        self.current.store(Some(Arc::clone(&current)));
        let mut state = self.lock();
        state.needed = None;
        state.rests_until = None;
        current
    }

    /// Uses no tokens from now on.
    pub(crate) fn forget(&self) {
        self.current.store(None);
        self.lock().needed = None;
    }

    /// The authorization under way, where it is for these scopes and there is time for it.
    pub(crate) fn under_way(&self, issuer: &str, scopes: &[String]) -> Option<AuthorizationNeeded> {
        let state = self.lock();
        let needed = state.needed.as_ref()?;
        let left = needed.until().duration_since(SystemTime::now());
        let is_same = needed.issuer() == issuer && needed.scopes() == scopes;
        (is_same && left.is_ok_and(|left| left > TIME_TO_AUTHORIZE)).then(|| needed.clone())
    }

    pub(crate) fn note_needed(&self, needed: &AuthorizationNeeded) {
        self.lock().needed = Some(needed.clone());
    }

    /// Notes that scopes were added.
    pub(crate) fn note_step_up(&self, now: Instant) {
        self.lock().step_ups.push(now);
    }

    /// Whether scopes were added this often within the last minutes.
    pub(crate) fn is_at_limit(&self, limit: usize, now: Instant) -> bool {
        let mut state = self.lock();
        let is_recent = |at: &Instant| now.duration_since(*at) < STEP_UP_WINDOW;
        state.step_ups.retain(is_recent);
        state.step_ups.len() >= limit
    }

    /// Notes what was found for a challenge.
    pub(crate) fn note_discovered(&self, challenge: &Challenge, discovered: &Arc<Discovered>) {
        self.discovered.store(Some(Arc::clone(discovered)));
        self.lock().discovery = Some(Discovery {
            at: Instant::now(),
            challenge: challenge.clone(),
        });
    }

    /// What was found for the same challenge a moment ago.
    pub(crate) fn just_discovered(&self, challenge: &Challenge) -> Option<Arc<Discovered>> {
        let state = self.lock();
        let discovery = state.discovery.as_ref()?;
        let is_new = discovery.at.elapsed() < DISCOVERY_LIFE && discovery.challenge == *challenge;
        self.discovered.load_full().filter(|_| is_new)
    }

    /// Admits the replacement of a refused token. Returns false where the endpoint refuses one new token
    /// after the other, which another one does not help.
    pub(crate) fn admits_replacement(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let is_recent = |at: &Instant| now.duration_since(*at) < REPLACEMENT_WINDOW;
        state.replaced.retain(is_recent);
        let is_admitted = state.replaced.len() < MAX_REPLACEMENTS;
        if is_admitted {
            state.replaced.push(now);
        }
        is_admitted
    }

    /// Notes that a renewal ahead of time failed.
    pub(crate) fn rest(&self, now: Instant) {
        self.lock().rests_until = Some(now + REST);
    }

    pub(crate) fn rests(&self, now: Instant) -> bool {
        self.lock().rests_until.is_some_and(|until| now < until)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An authorization with less time is not given to a user.
const TIME_TO_AUTHORIZE: Duration = Duration::from_secs(60);

/// A caller without a token may repeat its call often.
const DISCOVERY_LIFE: Duration = Duration::from_secs(10);

const REPLACEMENT_WINDOW: Duration = Duration::from_secs(10);
const MAX_REPLACEMENTS: usize = 10;

const STEP_UP_WINDOW: Duration = Duration::from_secs(10 * 60);

/// The token still holds while this passes.
const REST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_refuses_every_token_gets_a_few_new_ones() {
        let account = Account::new(AccountKey::default());
        for _ in 0..MAX_REPLACEMENTS {
            assert!(account.admits_replacement(Instant::now()));
        }
        assert!(!account.admits_replacement(Instant::now()));
        tokio::time::advance(REPLACEMENT_WINDOW).await;
        assert!(account.admits_replacement(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn scopes_are_added_a_few_times_within_some_minutes() {
        let account = Account::new(AccountKey::default());
        for count in 0..3 {
            assert!(!account.is_at_limit(3, Instant::now()), "{count}");
            account.note_step_up(Instant::now());
        }
        assert!(account.is_at_limit(3, Instant::now()));
        tokio::time::advance(STEP_UP_WINDOW).await;
        assert!(!account.is_at_limit(3, Instant::now()));
    }
}
