//! The hints that replicas leave for each other.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::sync::Cache;
use tokio::{sync::OnceCell, time::Instant};

use super::hint::UpstreamHint;
use crate::{
    extend::FleetKey,
    fleet::link::FleetLink,
    types::{DigestKey, Endpoint},
};

/// The hints of upstreams, by canonical URL: read once a process, and left again as long as sessions are
/// opened.
pub(in crate::fleet) struct Hints {
    known: Cache<Box<str>, Arc<KnownHint>, foldhash::fast::RandomState>,
}

#[derive(Default)]
struct KnownHint {
    /// What another replica had left when this one first asked.
    read: OnceCell<Option<ReadHint>>,
    /// What the directory has, and since when.
    left: Mutex<Option<(UpstreamHint, Instant)>>,
}

#[derive(Clone)]
struct ReadHint {
    hint: UpstreamHint,
    at: Instant,
}

impl Default for Hints {
    fn default() -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self { known }
    }
}

impl Hints {
    fn of(&self, endpoint: &Endpoint) -> Arc<KnownHint> {
        let url = endpoint.url().as_str();
        let known = self.known.get(url);
        known.unwrap_or_else(|| self.known.get_with(url.into(), Arc::default))
    }
}

impl KnownHint {
    /// Notes that the directory gets this hint at `now`. `false` where it has it already, and for long
    /// enough.
    fn is_news(&self, hint: &UpstreamHint, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |since: Instant| now.saturating_duration_since(since) < KEPT_FOR / 2;
        if left
            .as_ref()
            .is_some_and(|(it, since)| it == hint && is_fresh(*since))
        {
            return false;
        }
        *left = Some((hint.clone(), now));
        true
    }
}

impl FleetLink {
    /// What another replica has left about the server of an endpoint, while that is good. The directory
    /// is asked once for each server; one that does not answer is asked again.
    pub(crate) async fn hint(&self, endpoint: &Endpoint) -> Option<UpstreamHint> {
        let known = self.hints.of(endpoint);
        let read = known
            .read
            .get_or_try_init(|| self.read_hint(endpoint, &known));
        let read = read.await.ok()?.as_ref()?;
        // Afterwards this process knows the server, or detects it as one without a fleet.
        (read.at.elapsed() < KEPT_FOR).then(|| read.hint.clone())
    }

    /// Reads the hint of an endpoint.
    ///
    /// # Errors
    /// [`NoAnswer`].
    async fn read_hint(
        &self,
        endpoint: &Endpoint,
        known: &KnownHint,
    ) -> Result<Option<ReadHint>, NoAnswer> {
        let key = self.hint_key(endpoint);
        let sealed = self.step(self.fleet.directory.hint(&key)).await;
        let sealed = sealed.map_err(|_| NoAnswer)?;
        let opened = sealed.and_then(|sealed| self.fleet.seal.open(&key, &sealed).ok());
        let Some(hint) = opened.as_ref().and_then(UpstreamHint::read) else {
            return Ok(None);
        };
        let at = Instant::now();
        known.is_news(&hint, at);
        Ok(Some(ReadHint { hint, at }))
    }

    /// The step that leaves a hint about the server of an endpoint; `None` where the directory has it.
    pub(crate) fn leave_hint(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        hint: &UpstreamHint,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let known = self.hints.of(endpoint);
        // This process knows the server now.
        let _ = known.read.set(None);
        if !known.is_news(hint, Instant::now()) {
            return None;
        }
        let key = self.hint_key(endpoint);
        let sealed = self.fleet.seal.seal(&key, &hint.write()?).ok()?;
        let link = Arc::clone(self);
        Some(async move {
            let step = link.fleet.directory.leave_hint(&key, &sealed, KEPT_FOR);
            // The next one follows with a later session.
            let _ = link.step(step).await;
        })
    }

    /// The name of a server's hint.
    fn hint_key(&self, endpoint: &Endpoint) -> FleetKey {
        let digest = DigestKey::portable().digest("hint");
        let digest = digest.field(endpoint.url().as_str().as_bytes()).finish();
        self.fleet.seal.key(digest.as_bytes())
    }
}

/// The directory did not answer.
struct NoAnswer;

/// As long as connectors and pools keep what they detected themselves.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// The directory is asked again for an upstream that was evicted for another one.
const MAX_KNOWN: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Era, TransportKind};

    #[tokio::test(start_paused = true)]
    async fn a_hint_is_left_once_and_again_when_half_its_time_is_over_or_it_has_changed() {
        let known = KnownHint::default();
        let hint = |era| UpstreamHint {
            transport: TransportKind::SSE,
            era,
        };
        let start = Instant::now();
        assert!(known.is_news(&hint(Era::Legacy), start));
        assert!(!known.is_news(&hint(Era::Legacy), start));
        assert!(known.is_news(&hint(Era::Stateless), start));
        assert!(!known.is_news(&hint(Era::Stateless), start + KEPT_FOR / 3));
        assert!(known.is_news(&hint(Era::Stateless), start + KEPT_FOR / 2));
    }
}
