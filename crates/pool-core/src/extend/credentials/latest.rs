//! The latest credential of a key, and until when one of them holds.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue};

use crate::time::Timestamp;

/// Headers that authenticate, and when they cease to.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) headers: Arc<HeaderMap>,
    /// [`Timestamp::NEVER`] where that is not known.
    pub(crate) ends_at: Timestamp,
}

/// The latest credential of a key: of those with a known end the one that ends last, otherwise the
/// one that came last. The sessions of the key take their credentials from here.
pub(crate) struct LatestCredentials(Mutex<Latest>);

struct Latest {
    credential: Credential,
    /// From when on no idle session is worth keeping; shortly before the last credential's end.
    retire_at: Timestamp,
    /// Whether whatever comes is newer.
    superseded: bool,
    /// What must not become the latest again: the endpoint refused it, or it was revoked.
    refused: Option<Arc<HeaderMap>>,
    /// The last nonce of the endpoint. Few give any.
    nonce: Option<Box<HeaderValue>>,
}

/// The latest credential of a key, and in the key itself what a hit needs to know of it.
#[repr(C)]
pub(crate) struct KeyCredentials {
    /// The address of the latest headers in memory, which is unique while they are held; 0 for none.
    /// Changed under the lock, before the older headers are dropped.
    address: AtomicUsize,
    /// When the last of the credentials seen ends, in nanoseconds of its moment. Changed under the
    /// lock.
    ends: AtomicU64,
    latest: Arc<LatestCredentials>,
}

impl LatestCredentials {
    pub(crate) fn new(credential: Credential, now: Timestamp) -> Self {
        Self(Mutex::new(Latest {
            retire_at: retire_at(credential.ends_at, now),
            credential,
            superseded: false,
            refused: None,
            nonce: None,
        }))
    }

    /// The latest headers, and the last nonce of the endpoint.
    pub(crate) fn load_with_nonce(&self) -> (Arc<HeaderMap>, Option<HeaderValue>) {
        let latest = self.lock();
        let nonce = latest.nonce.as_deref().cloned();
        (Arc::clone(&latest.credential.headers), nonce)
    }

    /// Notes a nonce of the endpoint.
    pub(crate) fn note_nonce(&self, nonce: &HeaderValue) {
        if nonce.len() > MAX_NONCE {
            return;
        }
        // A copy: a clone would keep the HTTP client's whole read buffer.
        let Ok(mut nonce) = HeaderValue::from_bytes(nonce.as_bytes()) else {
            return;
        };
        nonce.set_sensitive(true);
        self.lock().nonce = Some(Box::new(nonce));
    }

    /// Notes the credential of a request that comes before its key does.
    pub(crate) fn note(&self, headers: &Arc<HeaderMap>, ends_at: Timestamp, now: Timestamp) {
        let mut latest = self.lock();
        let seen_until = latest.seen_until();
        let noted = latest.note(headers, ends_at, seen_until, now);
        // The older headers are dropped outside of the lock.
        drop((latest, noted));
    }

    /// Notes that the endpoint refused these headers: whatever comes is newer.
    pub(crate) fn refuse(&self, headers: &Arc<HeaderMap>) {
        let mut latest = self.lock();
        if is_same(&latest.credential.headers, headers) {
            latest.superseded = true;
            latest.refused = Some(Arc::clone(headers));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyCredentials {
    /// The credentials of a new key.
    pub(crate) fn new(shared: Arc<LatestCredentials>) -> Self {
        let latest = shared.lock();
        let (address, ends_at) = (address(&latest.credential.headers), latest.seen_until());
        drop(latest);
        Self {
            address: AtomicUsize::new(address),
            ends: AtomicU64::new(ends_at.nanos()),
            latest: shared,
        }
    }

    /// What the sessions of the key take their credentials from.
    pub(crate) fn shared(&self) -> &Arc<LatestCredentials> {
        &self.latest
    }

    /// The latest credential, unless it has ended, was refused or was revoked.
    pub(crate) fn usable(&self, now: Timestamp) -> Option<Credential> {
        let latest = self.latest.lock();
        let is_usable = !latest.superseded && latest.credential.ends_at > now;
        is_usable.then(|| latest.credential.clone())
    }

    /// Whether every credential seen has ended.
    #[inline]
    pub(crate) fn have_ended(&self, now: Timestamp) -> bool {
        // No order is needed: the reader has noted its own credential before.
        self.ends.load(Ordering::Relaxed) <= now.nanos()
    }

    /// Whether these are the latest headers, by their address.
    #[inline]
    pub(crate) fn are_latest(&self, headers: &Arc<HeaderMap>) -> bool {
        // No order is needed: memory at a new address was freed after the address was changed.
        self.address.load(Ordering::Relaxed) == address(headers)
    }

    /// Notes the credential of a request. Returns true when the key now ends at another time.
    #[cold]
    pub(crate) fn note(
        &self,
        headers: &Arc<HeaderMap>,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let mut latest = self.latest.lock();
        let seen_until = Timestamp::of_nanos(self.ends.load(Ordering::Relaxed));
        let noted = latest.note(headers, ends_at, seen_until, now);
        if noted.prolongs {
            self.ends.store(ends_at.nanos(), Ordering::Relaxed);
        }
        if noted.older.is_some() {
            self.address.store(address(headers), Ordering::Relaxed);
        }
        // The older headers are dropped outside of the lock.
        drop(latest);
        noted.prolongs
    }

    /// Lets no credential count that was seen so far. The latest is kept for farewells, until
    /// another comes.
    pub(crate) fn revoke(&self) {
        let mut latest = self.latest.lock();
        latest.superseded = true;
        latest.refused = Some(Arc::clone(&latest.credential.headers));
        latest.retire_at = Timestamp::NEVER;
        // A key that shares them later sees it, too.
        latest.credential.ends_at = Timestamp::FIRST;
        self.address.store(NOWHERE, Ordering::Relaxed);
        self.ends.store(0, Ordering::Relaxed);
    }

    /// When idle sessions are to be closed on account of the credentials; [`Timestamp::NEVER`] where
    /// that is not known.
    pub(crate) fn retirements(&self) -> [Timestamp; 2] {
        let retire_at = self.latest.lock().retire_at;
        [
            retire_at,
            Timestamp::of_nanos(self.ends.load(Ordering::Relaxed)),
        ]
    }
}

/// What became of a credential that was noted.
#[derive(Default)]
struct Noted {
    /// True when the credentials now end at another time.
    prolongs: bool,
    /// What was the latest before, where the credential is the latest now.
    older: Option<Credential>,
}

impl Latest {
    /// When the last of the credentials seen ends; the beginning of time after a revocation.
    fn seen_until(&self) -> Timestamp {
        let is_revoked = self.credential.ends_at == Timestamp::FIRST;
        match self.retire_at == Timestamp::NEVER && !is_revoked {
            true => Timestamp::NEVER,
            false => self.credential.ends_at,
        }
    }

    /// Notes a credential, where the last of those seen before ends at `seen_until`.
    fn note(
        &mut self,
        headers: &Arc<HeaderMap>,
        ends_at: Timestamp,
        seen_until: Timestamp,
        now: Timestamp,
    ) -> Noted {
        if ends_at <= now {
            return Noted::default();
        }
        let prolongs = ends_at > seen_until;
        if prolongs {
            self.retire_at = retire_at(ends_at, now);
        }
        if self.is_refused(headers) || !self.is_older_than(ends_at) {
            return Noted {
                prolongs,
                older: None,
            };
        }
        self.superseded = false;
        let headers = Arc::clone(headers);
        let older = std::mem::replace(&mut self.credential, Credential { headers, ends_at });
        Noted {
            prolongs,
            older: Some(older),
        }
    }

    fn is_older_than(&self, ends_at: Timestamp) -> bool {
        let mine = self.credential.ends_at;
        self.superseded || mine == Timestamp::NEVER || mine <= ends_at
    }

    fn is_refused(&self, headers: &Arc<HeaderMap>) -> bool {
        let refused = self.refused.as_ref();
        refused.is_some_and(|refused| is_same(refused, headers))
    }
}

fn is_same(one: &Arc<HeaderMap>, other: &Arc<HeaderMap>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// A little before the end, so that farewells are sent with a credential that is still valid.
fn retire_at(ends_at: Timestamp, now: Timestamp) -> Timestamp {
    if ends_at == Timestamp::NEVER {
        return ends_at;
    }
    let lead = (ends_at.since(now) / LEAD_PART).min(LONGEST_LEAD);
    ends_at.before(lead)
}

fn address(headers: &Arc<HeaderMap>) -> usize {
    Arc::as_ptr(headers).addr()
}

const NOWHERE: usize = 0;

/// Bytes of a nonce that is kept.
const MAX_NONCE: usize = 1024;

/// Of what was left of a credential's life.
const LEAD_PART: u32 = 16;

/// As long as a farewell may take by default.
const LONGEST_LEAD: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(token: &'static str) -> Arc<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(token));
        Arc::new(headers)
    }

    fn at(seconds: u64) -> Timestamp {
        // No timestamp is zero.
        Timestamp::of_nanos(1 + seconds * 1_000_000_000)
    }

    /// A key whose first credential came at 0.
    fn key(headers: &Arc<HeaderMap>, ends_at: Timestamp) -> KeyCredentials {
        let headers = Arc::clone(headers);
        let latest = LatestCredentials::new(Credential { headers, ends_at }, at(0));
        KeyCredentials::new(Arc::new(latest))
    }

    #[test]
    fn of_credentials_of_unknown_end_the_one_seen_last_is_the_newest() {
        let (one, two) = (headers("one"), headers("two"));
        let latest = key(&one, Timestamp::NEVER);
        for noted in [&two, &two, &one] {
            latest.note(noted, Timestamp::NEVER, at(1));
            assert!(Arc::ptr_eq(&latest.shared().load_with_nonce().0, noted));
            assert!(latest.are_latest(noted));
        }
        assert!(!latest.have_ended(at(u64::MAX >> 31)));
    }

    #[test]
    fn of_credentials_of_known_end_the_one_that_ends_last_is_the_newest() {
        let (old, new) = (headers("old"), headers("new"));
        let latest = key(&old, at(10));
        assert!(latest.note(&new, at(20), at(1)));
        assert!(!latest.note(&old, at(10), at(2)));
        assert!(Arc::ptr_eq(&latest.shared().load_with_nonce().0, &new));
        assert!(!latest.have_ended(at(19)));
        assert!(latest.have_ended(at(20)));
    }

    #[test]
    fn a_credential_that_has_ended_is_not_noted() {
        let latest = key(&headers("old"), at(10));
        assert!(!latest.note(&headers("late"), at(11), at(11)));
        assert!(latest.have_ended(at(10)));
    }

    #[test]
    fn headers_that_were_superseded_are_let_go_of() {
        let first = headers("one");
        let latest = key(&first, Timestamp::NEVER);
        latest.note(&headers("two"), Timestamp::NEVER, at(1));
        assert_eq!(Arc::strong_count(&first), 1);
    }

    #[test]
    fn headers_in_recycled_memory_are_new_headers() {
        let latest = key(&headers("first"), Timestamp::NEVER);
        for token in ["one", "two"].repeat(100) {
            let headers = headers(token);
            if !latest.are_latest(&headers) {
                latest.note(&headers, Timestamp::NEVER, at(1));
            }
            assert_eq!(latest.shared().load_with_nonce().0["authorization"], token);
        }
    }

    #[test]
    fn refused_headers_give_way_to_whatever_comes_and_do_not_come_back() {
        let (refused, other) = (headers("refused"), headers("other"));
        let latest = key(&refused, at(100));
        latest.shared().refuse(&headers("refused"));
        assert!(
            Arc::ptr_eq(&latest.shared().load_with_nonce().0, &refused),
            "better than nothing"
        );
        latest.note(&other, at(20), at(1));
        latest.note(&refused, at(100), at(2));
        assert!(Arc::ptr_eq(&latest.shared().load_with_nonce().0, &other));
        assert!(!latest.have_ended(at(99)), "whose it is may still ask");
    }

    #[test]
    fn after_a_revocation_no_earlier_credential_counts() {
        let (old, new) = (headers("old"), headers("new"));
        let latest = key(&old, at(100));
        latest.revoke();
        assert!(latest.have_ended(at(1)));
        assert!(!latest.are_latest(&old), "whoever comes back is noted anew");
        assert!(latest.note(&new, at(20), at(1)));
        assert!(Arc::ptr_eq(&latest.shared().load_with_nonce().0, &new));
        assert_eq!(latest.retirements()[1], at(20));
    }

    #[test]
    fn a_later_key_with_the_same_credentials_knows_of_a_revocation() {
        let first = key(&headers("old"), Timestamp::NEVER);
        first.revoke();
        let second = KeyCredentials::new(Arc::clone(first.shared()));
        assert!(second.have_ended(at(1)));
        first.shared().note(&headers("new"), at(20), at(1));
        let third = KeyCredentials::new(Arc::clone(first.shared()));
        assert!(!third.have_ended(at(19)));
        assert!(third.have_ended(at(20)), "and not never");
    }

    #[test]
    fn idle_sessions_go_a_little_before_the_last_credential_does() {
        let latest = key(&headers("one"), at(16));
        assert_eq!(latest.retirements(), [at(15), at(16)]);
        latest.note(&headers("two"), at(1_000), at(1));
        assert_eq!(latest.retirements(), [at(995), at(1_000)]);
    }
}
