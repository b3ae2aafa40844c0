//! How a key keeps sessions ready.

use std::time::Duration;

use tokio::time::Instant;

use super::key_pool::KeyPool;
use crate::{
    key::{effects::Effects, session::Spares},
    time::{Timestamp, after},
};

impl KeyPool {
    /// Plans to open what is missing of the sessions that the key keeps ready.
    #[inline]
    pub(crate) fn plan_spares(&self) -> Effects {
        match &self.spares {
            None => Effects::None,
            Some(spares) => self.plan_missing(spares),
        }
    }

    #[inline(never)]
    fn plan_missing(&self, spares: &Spares) -> Effects {
        let is_missing = !spares.is_planned() && self.slots.wants_spare(spares.least);
        if !is_missing || spares.plan() {
            return Effects::None;
        }
        // Many keys may miss sessions at the same moment.
        let wait = LONGEST_WAIT.mul_f64(self.services.context.random.fraction());
        Effects::sweep_by(self.time_after(wait).max(spares.paused_until()))
    }

    /// Reserves the connect of a session that is kept ready, where one is missing and none failed
    /// lately. Returns `false` otherwise.
    pub(crate) fn reserve_spare(&self, now: Timestamp) -> bool {
        let Some(spares) = &self.spares else {
            return false;
        };
        spares.begin();
        spares.paused_until() <= now && self.slots.begin_spare(spares.least)
    }

    /// Tries again after a pause to open what is missing.
    pub(crate) fn pause_spares(&self) -> Effects {
        let Some(spares) = &self.spares else {
            return Effects::None;
        };
        let jitter = self.services.context.random.fraction();
        let until = self.time_after(PAUSE.mul_f64(1.0 + jitter));
        spares.pause(until);
        Effects::sweep_by(until)
    }

    fn time_after(&self, wait: Duration) -> Timestamp {
        let clock = &self.services.context.clock;
        clock.timestamp(after(Instant::now(), wait))
    }
}

/// The longest time before what is missing is opened.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The shortest pause after a connect that failed.
const PAUSE: Duration = Duration::from_secs(5);
