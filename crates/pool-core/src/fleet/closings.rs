//! The sessions that are closed here, and the claims that may still be given one of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::extend::SessionRef;

/// The sessions of this replica that are being closed, until the directory knows it.
///
/// A claim that the directory executes before it executes the close is given the same session, and its
/// answer may be seen after that of the close. So an ended close counts for each claim that began before
/// its end.
#[derive(Default)]
pub(super) struct Closings(Mutex<State>);

#[derive(Default)]
struct State {
    /// Each session, and the number of the first claim that began after its close had ended: `None`
    /// before the end.
    sessions: HashMap<SessionRef, Option<u64>>,
    /// The claims under way.
    claims: BTreeSet<u64>,
    next_claim: u64,
}

/// The guard of a claim that is under way.
pub(super) struct ClaimUnderWay<'c> {
    closings: &'c Closings,
    number: u64,
}

impl Closings {
    /// Notes that a session is being closed.
    pub(super) fn begin(&self, session: SessionRef) {
        self.lock().sessions.insert(session, None);
    }

    /// Notes that the directory knows of the close, or was not reached.
    pub(super) fn end(&self, session: SessionRef) {
        let mut state = self.lock();
        let next = state.next_claim;
        match state.claims.is_empty() {
            true => state.sessions.remove(&session),
            false => state.sessions.insert(session, Some(next)),
        };
    }

    /// Begins a claim. Call it before the request is sent.
    pub(super) fn begin_claim(&self) -> ClaimUnderWay<'_> {
        let mut state = self.lock();
        let number = state.next_claim;
        state.next_claim += 1;
        state.claims.insert(number);
        ClaimUnderWay {
            closings: self,
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClaimUnderWay<'_> {
    /// True where the claim may have been given a session that is closed here.
    pub(super) fn meets_close_of(&self, session: SessionRef) -> bool {
        let state = self.closings.lock();
        let close = state.sessions.get(&session);
        close.is_some_and(|ended| ended.is_none_or(|first_after| self.number < first_after))
    }
}

impl Drop for ClaimUnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.closings.lock();
        state.claims.remove(&self.number);
        let oldest = state.claims.first().copied().unwrap_or(state.next_claim);
        let matters = |ended: &Option<u64>| ended.is_none_or(|first_after| oldest < first_after);
        state.sessions.retain(|_, ended| matters(ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_counts_for_the_claims_that_began_before_its_end() {
        let closings = Closings::default();
        let session = SessionRef::random();
        let before = closings.begin_claim();
        assert!(!before.meets_close_of(session));
        closings.begin(session);
        let during = closings.begin_claim();
        closings.end(session);
        let after = closings.begin_claim();
        assert!(before.meets_close_of(session));
        assert!(during.meets_close_of(session));
        assert!(!after.meets_close_of(session));
        assert!(!before.meets_close_of(SessionRef::random()));
        drop(before);
        assert!(during.meets_close_of(session), "it is still under way");
    }

    #[test]
    fn nothing_is_kept_once_no_claim_can_meet_it() {
        let closings = Closings::default();
        let [first, second] = [SessionRef::random(), SessionRef::random()];
        closings.begin(first);
        closings.end(first);
        assert!(closings.lock().sessions.is_empty());
        let claim = closings.begin_claim();
        closings.begin(first);
        closings.begin(second);
        closings.end(first);
        let later = closings.begin_claim();
        drop(claim);
        assert_eq!(
            closings.lock().sessions.len(),
            1,
            "the second is being closed"
        );
        drop(later);
        closings.end(second);
        assert!(closings.lock().sessions.is_empty());
    }
}
