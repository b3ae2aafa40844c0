//! Faults that wait for their requests.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;

/// Which requests a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// The nth request of a method from now on, from 1, and no other.
    Nth(String, u64),
    /// Every request of a method within this time; of any method without one.
    For(Option<String>, Duration),
}

/// A fault that waits for its requests.
#[derive(Clone, Debug)]
pub(in super::super) struct Armed {
    fault: Fault,
    when: When,
    since: Instant,
    seen: u64,
}

impl Armed {
    /// Arms a fault now.
    #[must_use]
    pub(in super::super) fn new(fault: Fault, when: When) -> Self {
        Self {
            fault,
            when,
            since: Instant::now(),
            seen: 0,
        }
    }

    /// Whether the fault strikes this request.
    fn meets(&mut self, method: &str, now: Instant) -> bool {
        match &self.when {
            When::Nth(of, nth) if of == method => {
                self.seen += 1;
                self.seen == *nth
            }
            When::Nth(..) => false,
            When::For(of, length) => {
                let is_of_method = of.as_deref().is_none_or(|of| of == method);
                is_of_method && now < self.since + *length
            }
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        match &self.when {
            When::Nth(_, nth) => self.seen >= *nth,
            When::For(_, length) => now >= self.since + *length,
        }
    }
}

/// The fault that strikes this request: the one that was armed first.
pub(in super::super) fn strike(
    armed: &mut Vec<Armed>,
    method: &str,
    now: Instant,
) -> Option<Fault> {
    // Each one counts the request, those after the first too.
    let mut struck = armed.iter_mut().filter_map(|armed| {
        let meets = armed.meets(method, now);
        meets.then(|| armed.fault.clone())
    });
    let first = struck.next();
    struck.for_each(drop);
    armed.retain(|armed| !armed.is_over(now));
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_request_of_the_method_is_struck_and_no_other() {
        let mut armed = vec![Armed::new(Fault::Garbage, When::Nth("ping".to_owned(), 2))];
        let now = Instant::now();
        let methods = ["ping", "tools/call", "ping", "ping"];
        let struck = methods.map(|method| strike(&mut armed, method, now).is_some());
        assert_eq!(struck, [false, false, true, false]);
        assert!(armed.is_empty());
    }

    #[test]
    fn every_request_is_struck_for_a_time() {
        let second = Duration::from_secs(1);
        let mut armed = vec![Armed::new(Fault::Garbage, When::For(None, second))];
        let now = Instant::now();
        assert!(strike(&mut armed, "ping", now).is_some());
        assert!(strike(&mut armed, "GET", now).is_some());
        assert!(strike(&mut armed, "ping", now + second).is_none());
        assert!(armed.is_empty());
    }

    #[test]
    fn the_fault_that_was_armed_first_strikes_and_the_others_count_on() {
        let nth = |nth| When::Nth("ping".to_owned(), nth);
        let mut armed = vec![
            Armed::new(Fault::Garbage, nth(1)),
            Armed::new(Fault::WrongId, nth(1)),
            Armed::new(Fault::Stray, nth(2)),
        ];
        let now = Instant::now();
        assert_eq!(strike(&mut armed, "ping", now), Some(Fault::Garbage));
        assert_eq!(strike(&mut armed, "ping", now), Some(Fault::Stray));
    }
}
