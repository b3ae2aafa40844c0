//! The waits that an endpoint requests of its clients.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::{
    error::FaultKind,
    types::{Identity, PoolKey, Principal},
};

/// The caller that a wait is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    principal: Principal,
    identity: Identity,
}

impl Holder {
    pub(crate) fn of(key: &PoolKey) -> Self {
        Self {
            principal: key.principal().clone(),
            identity: key.identity().clone(),
        }
    }
}

/// The waits that an endpoint requests with `Retry-After` (RFC 9110 section 10.2.3).
///
/// 429 is about the credential of the request (RFC 6585 section 4), 503 about the whole endpoint
/// (RFC 9110 section 15.6.4).
#[derive(Debug, Default)]
pub(super) struct Holds {
    all: Option<Hold>,
    of: HashMap<Holder, Hold>,
}

/// One wait.
#[derive(Clone, Debug)]
struct Hold {
    until: Instant,
    kind: FaultKind,
}

impl Holds {
    /// Keeps the wait that a fault requests, for `longest` at most. `false` where it requests none.
    pub(super) fn note(
        &mut self,
        holder: &Holder,
        kind: &FaultKind,
        longest: Duration,
        now: Instant,
    ) -> bool {
        let Some(wait) = kind.requested_wait().filter(|wait| !wait.is_zero()) else {
            return false;
        };
        let hold = Hold {
            until: now + wait.min(longest).min(LONGEST),
            kind: kind.clone(),
        };
        match kind {
            FaultKind::RateLimited { .. } => self.hold(holder, hold, now),
            _ => self.all = Some(hold),
        }
        true
    }

    /// The wait that a caller has to keep, and the fault that requested it.
    pub(super) fn of(&self, holder: &Holder, now: Instant) -> Option<(Instant, FaultKind)> {
        let own = self.of.get(holder);
        let holds = [own, self.all.as_ref()].into_iter().flatten();
        let last = holds.max_by_key(|hold| hold.until)?;
        let left = last.until.saturating_duration_since(now);
        (!left.is_zero()).then(|| (last.until, last.kind.clone().with_requested_wait(left)))
    }

    /// True once every wait has ended.
    pub(super) fn have_ended(&self, now: Instant) -> bool {
        let mut holds = self.of.values().chain(&self.all);
        holds.all(|hold| hold.until <= now)
    }

    fn hold(&mut self, holder: &Holder, hold: Hold, now: Instant) {
        if self.of.len() >= MAX_HOLDERS {
            self.of.retain(|_, hold| hold.until > now);
        }
        // A crowd of held back callers must not cost memory without end. The endpoint reminds those
        // that are not kept.
        if self.of.len() < MAX_HOLDERS || self.of.contains_key(holder) {
            self.of.insert(holder.clone(), hold);
        }
    }
}

const MAX_HOLDERS: usize = 4_096;
/// Bounds the arithmetic of a setting without bound.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(user: &str) -> Holder {
        Holder {
            principal: Principal::user(user),
            identity: Identity::anonymous(),
        }
    }

    fn limited(seconds: u64) -> FaultKind {
        FaultKind::RateLimited {
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    fn busy(seconds: u64) -> FaultKind {
        FaultKind::Server {
            status: 503,
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn a_rate_limit_holds_back_its_caller_alone_and_a_busy_server_everybody() {
        let (mut holds, now) = (Holds::default(), Instant::now());
        let longest = Duration::from_secs(60);
        assert!(holds.note(&holder("alice"), &limited(5), longest, now));
        let until = holds.of(&holder("alice"), now).map(|(until, _)| until);
        assert_eq!(until, Some(now + Duration::from_secs(5)));
        assert!(holds.of(&holder("bob"), now).is_none());
        assert!(holds.note(&holder("alice"), &busy(9), longest, now));
        assert!(holds.of(&holder("bob"), now).is_some());
        let later = now + Duration::from_secs(9);
        assert!(holds.of(&holder("bob"), later).is_none());
    }

    #[test]
    fn a_wait_is_capped_and_tells_what_is_left_of_it() {
        let (mut holds, now) = (Holds::default(), Instant::now());
        let longest = Duration::from_secs(60);
        holds.note(&holder("alice"), &limited(u64::MAX), longest, now);
        let later = now + Duration::from_secs(50);
        let (until, kind) = holds.of(&holder("alice"), later).unwrap();
        assert_eq!(until, now + longest);
        assert_eq!(kind.requested_wait(), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_fault_without_a_wait_holds_nobody_back() {
        let (mut holds, now) = (Holds::default(), Instant::now());
        let longest = Duration::from_secs(60);
        let none = FaultKind::RateLimited { retry_after: None };
        for kind in [none, limited(0), FaultKind::Unreachable] {
            assert!(
                !holds.note(&holder("alice"), &kind, longest, now),
                "{kind:?}"
            );
        }
        assert!(holds.of(&holder("alice"), now).is_none());
    }

    #[test]
    fn the_memory_of_held_back_callers_is_bounded() {
        let (mut holds, now) = (Holds::default(), Instant::now());
        let longest = Duration::from_secs(60);
        for number in 0..MAX_HOLDERS + 10 {
            holds.note(&holder(&number.to_string()), &limited(5), longest, now);
        }
        assert_eq!(holds.of.len(), MAX_HOLDERS);
        let later = now + Duration::from_secs(6);
        holds.note(&holder("late"), &limited(5), longest, later);
        assert_eq!(holds.of.len(), 1);
    }
}
