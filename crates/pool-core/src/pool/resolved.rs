//! What a pool worked out of a request, kept for the next time.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;

use super::{
    memo::Known,
    verdict::{Finding, Verdict},
};
use crate::{
    PoolKey,
    bucket::{Bucket, Held, Taken},
    handler::Profile,
    moment::Moment,
};

/// What a pool worked out of a request: its key, and the bucket that had it last.
///
/// Of a request for an endpoint whose transport is found out, there is one for each transport that
/// was found so far, in a chain, of which the request keeps the first.
pub(crate) struct Resolved {
    /// Which pool it was.
    pub(super) pool: u64,
    pub(super) key: PoolKey,
    pub(super) profile: Profile,
    /// When the credential ends that came with the request.
    pub(super) ends_at: Moment,
    /// What an equal request is recognised by, where one may be.
    pub(super) known: Option<Known>,
    /// Where the transport was found out: the finding that this is for.
    pub(super) found: Option<Box<Found>>,
    /// The bucket as it was found. Most never need another, and this one is read without an atomic
    /// write, of which a hit consists for the rest.
    first: Arc<Bucket>,
    /// Whether there is more to look at than the first bucket: a later one, or a finding.
    indirect: AtomicBool,
    /// The bucket that has the key now, once the first was forgotten.
    later: ArcSwapOption<Bucket>,
}

/// That a transport was found out.
pub(super) struct Found {
    pub(super) verdict: Arc<Verdict>,
    /// The place of the transport in the pool's order.
    pub(super) place: usize,
    /// The same request over another transport that was found later.
    other: OnceLock<Arc<Resolved>>,
}

impl Found {
    pub(super) fn new(verdict: Arc<Verdict>, finding: Finding) -> Self {
        Self {
            verdict,
            place: finding.place(),
            other: OnceLock::new(),
        }
    }
}

impl Resolved {
    pub(super) fn new(
        pool: u64,
        (bucket, ends_at): (Arc<Bucket>, Moment),
        found: Option<Found>,
    ) -> Self {
        Self {
            pool,
            key: bucket.key.clone(),
            profile: bucket.profile.clone(),
            ends_at,
            known: None,
            indirect: AtomicBool::new(found.is_some()),
            found: found.map(Box::new),
            first: bucket,
            later: ArcSwapOption::empty(),
        }
    }

    /// A slot that is ready.
    #[inline(always)]
    pub(super) fn take(&self) -> Option<Held> {
        if self.indirect.load(Ordering::Acquire) {
            return self.take_indirectly();
        }
        take(&self.first)
    }

    #[inline(never)]
    fn take_indirectly(&self) -> Option<Held> {
        let now = match &self.found {
            Some(found) => self.over(found.verdict.finding()?)?,
            None => self,
        };
        match now.later.load().as_ref() {
            Some(later) => take(later),
            None => take(&now.first),
        }
    }

    /// The request; where the transport was found out, over the one that was found last.
    pub(crate) fn latest(&self) -> &Self {
        let last = self.found.as_ref().and_then(|found| found.verdict.last());
        let now = last.and_then(|finding| self.over(finding));
        now.unwrap_or(self)
    }

    /// The key; where the transport was found out, with the one that was found last.
    pub(crate) fn key(&self) -> &PoolKey {
        &self.latest().key
    }

    /// The key's bucket.
    pub(crate) fn bucket(&self) -> Arc<Bucket> {
        let later = self.later.load_full();
        later.unwrap_or_else(|| Arc::clone(&self.first))
    }

    pub(super) fn move_to(&self, bucket: &Arc<Bucket>) {
        self.later.store(Some(Arc::clone(bucket)));
        self.indirect.store(true, Ordering::Release);
    }

    /// The same request over the transport of a finding, if it was worked out already.
    pub(super) fn over(&self, finding: Finding) -> Option<&Self> {
        let mut one = self;
        loop {
            let found = one.found.as_ref()?;
            if found.place == finding.place() {
                return Some(one);
            }
            one = found.other.get()?;
        }
    }

    /// Adds the same request over another transport, unless somebody else has done so meanwhile.
    /// The chain is no longer than the list of connectors.
    pub(super) fn add(&self, other: Self) {
        let other = Arc::new(other);
        let place = other.found.as_ref().map(|found| found.place);
        let mut one = self;
        while let Some(found) = &one.found
            && Some(found.place) != place
        {
            one = found.other.get_or_init(|| Arc::clone(&other));
        }
    }
}

#[inline(always)]
fn take(bucket: &Arc<Bucket>) -> Option<Held> {
    match bucket.slots.take() {
        Taken::Slot(slot) => Some(Held::new(Arc::clone(bucket), slot)),
        Taken::None | Taken::Dead => None,
    }
}
