//! What the calls came to.

use std::collections::{BTreeMap, HashSet};

use mcp_session_pool::error::Outcome;
use tokio::time::Instant;

use super::{
    callers::{CALLERS, Call},
    schedule::Outage,
};

/// Everything that was seen during a run.
pub(super) struct Tally {
    pub(super) calls: Vec<Call>,
    pub(super) outages: Vec<Outage>,
    /// How often the server executed each call.
    pub(super) executions: BTreeMap<String, u32>,
}

impl Tally {
    /// The failed calls that began and ended while the server was there.
    pub(super) fn up_window_failures(&self) -> impl Iterator<Item = &Call> {
        let failed = self.calls.iter().filter(|call| call.problem.is_some());
        failed.filter(|call| self.is_up(call.began, call.ended))
    }

    /// For each outage, the milliseconds from its end to the first success.
    pub(super) fn first_success_ms(&self) -> Vec<u64> {
        let first = |outage: &Outage| {
            let after = self.successes_after(outage);
            after.map(|call| call.ended).min()
        };
        self.per_outage(first)
    }

    /// For each outage, the milliseconds from its end until each caller has had a success.
    pub(super) fn all_served_ms(&self) -> Vec<u64> {
        let last = |outage: &Outage| {
            let mut first: BTreeMap<usize, Instant> = BTreeMap::new();
            for call in self.successes_after(outage) {
                let ended = first.entry(call.caller).or_insert(call.ended);
                *ended = call.ended.min(*ended);
            }
            (first.len() == CALLERS).then(|| first.into_values().max())?
        };
        self.per_outage(last)
    }

    /// Calls that the server executed more than once.
    pub(super) fn doubled(&self) -> usize {
        self.executions.values().filter(|times| **times > 1).count()
    }

    /// Calls whose caller was told something else than what happened: an answer of another call, or "not
    /// executed" for a call that was.
    pub(super) fn wrong_outcomes(&self) -> usize {
        let executed: HashSet<&String> = self.executions.keys().collect();
        let is_wrong = |call: &&Call| match call.outcome {
            Outcome::Answered => call.problem.is_some(),
            Outcome::NotExecuted => executed.contains(&call.id),
            _ => false,
        };
        self.calls.iter().filter(is_wrong).count()
    }

    /// Calls whose outcome is unknown.
    pub(super) fn unknown(&self) -> usize {
        let is_unknown = |call: &&Call| call.outcome == Outcome::Unknown;
        self.calls.iter().filter(is_unknown).count()
    }

    fn is_up(&self, from: Instant, to: Instant) -> bool {
        let overlaps = |outage: &Outage| from <= outage.ended && to >= outage.began;
        !self.outages.iter().any(overlaps)
    }

    /// The successes after an outage and before the next one.
    fn successes_after(&self, outage: &Outage) -> impl Iterator<Item = &Call> {
        let ended = outage.ended;
        let next = self.outages.iter().map(|other| other.began);
        let next = next.filter(|began| *began > ended).min();
        let calls = self.calls.iter().filter(|call| call.problem.is_none());
        calls.filter(move |call| call.ended > ended && next.is_none_or(|next| call.ended < next))
    }

    /// The milliseconds from the end of each outage to an event; as good as for ever where there was
    /// none.
    fn per_outage(&self, event: impl Fn(&Outage) -> Option<Instant>) -> Vec<u64> {
        let ms = |outage: &Outage| match event(outage) {
            Some(at) => {
                let after = at.duration_since(outage.ended).as_millis();
                u64::try_from(after).unwrap_or(NEVER)
            }
            None => NEVER,
        };
        self.outages.iter().map(ms).collect()
    }
}

/// An hour.
const NEVER: u64 = 3_600_000;
