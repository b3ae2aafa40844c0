//! The calls of a world, each against what the server did with it.

use mcp_pool_testkit::fake::Arrival;

use super::evictions::Evictions;

/// What a caller knows of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Reported {
    Answered,
    NotExecuted,
    Unknown,
    /// The caller left before the call ended.
    Dropped,
}

/// How a call goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Route {
    /// On a lease that the caller held before.
    Lease,
    /// By a pooled client, which takes a session for it.
    Client {
        /// True in a conversation, whose state is on one session.
        keeps_state: bool,
        /// The evictions before the call began.
        evictions: u64,
    },
}

/// The calls of a world.
#[derive(Default)]
pub(in super::super) struct Ledger(Vec<Call>);

struct Call {
    route: Route,
    reported: Reported,
}

/// A broken promise: its name, and what happened.
pub(in super::super) type Broken = (&'static str, String);

impl Ledger {
    /// Adds a call. Returns its number.
    pub(in super::super) fn begin(&mut self, route: Route) -> u64 {
        self.0.push(Call {
            route,
            reported: Reported::Dropped,
        });
        self.0.len() as u64 - 1
    }

    /// Notes what the caller knows of its call.
    pub(in super::super) fn report(&mut self, call: u64, reported: Reported) {
        self.0[call as usize].reported = reported;
    }

    /// Compares a call with its arrivals at the server.
    pub(in super::super) fn judge(
        &self,
        call: u64,
        arrivals: &[Arrival],
        evictions: &Evictions,
    ) -> Option<Broken> {
        let Call { route, reported } = &self.0[call as usize];
        let sent = arrivals.iter().map(|arrival| Sent {
            session: arrival.session,
            executed: arrival.executed,
        });
        if let Some(broken) = judge(*route, *reported, &sent.collect::<Vec<_>>()) {
            return Some(broken);
        }
        let Route::Client {
            evictions: before, ..
        } = route
        else {
            return None;
        };
        let connects = arrivals.iter().filter_map(|arrival| arrival.connect);
        let mut barred = connects.filter(|connect| evictions.is_barred_since(*connect, *before));
        barred.next().map(|connect| {
            let detail = format!("the session of connect {connect} served a later call");
            ("call_on_evicted_session", detail)
        })
    }

    /// The numbers of all calls.
    pub(in super::super) fn calls(&self) -> std::ops::Range<u64> {
        0..self.0.len() as u64
    }
}

/// One arrival of a call.
#[derive(Clone, Copy, Debug)]
struct Sent {
    session: u64,
    executed: bool,
}

fn judge(route: Route, reported: Reported, sent: &[Sent]) -> Option<Broken> {
    let executed = sent.iter().filter(|sent| sent.executed).count();
    let broken = |name, expected: &str| {
        let detail = format!("{reported:?}, expected {expected}, executed {executed} times");
        Some((name, detail))
    };
    if executed > 1 {
        return broken("call_doubled", "at most one execution");
    }
    match reported {
        Reported::Answered if executed != 1 => return broken("call_not_executed", "one execution"),
        Reported::NotExecuted if executed != 0 => return broken("call_executed", "no execution"),
        _ => {}
    }
    let moved = sent
        .windows(2)
        .any(|pair| pair[0].session != pair[1].session);
    match route {
        Route::Client {
            keeps_state: true, ..
        } if moved => broken("conversation_moved", "one session"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Route = Route::Client {
        keeps_state: false,
        evictions: 0,
    };

    fn name(route: Route, reported: Reported, sent: &[(u64, bool)]) -> Option<&'static str> {
        let sent: Vec<_> = sent
            .iter()
            .map(|&(session, executed)| Sent { session, executed })
            .collect();
        judge(route, reported, &sent).map(|(name, _)| name)
    }

    #[test]
    fn a_call_is_executed_as_often_as_its_outcome_allows() {
        use Reported::{Answered, Dropped, NotExecuted, Unknown};
        let (never, once): (&[_], &[_]) = (&[], &[(1, true)]);
        assert_eq!(name(CLIENT, Answered, once), None);
        assert_eq!(name(CLIENT, Answered, never), Some("call_not_executed"));
        assert_eq!(name(CLIENT, NotExecuted, never), None);
        assert_eq!(name(CLIENT, NotExecuted, &[(1, false)]), None);
        assert_eq!(name(CLIENT, NotExecuted, once), Some("call_executed"));
        for reported in [Unknown, Dropped] {
            assert_eq!(name(CLIENT, reported, never), None);
            assert_eq!(name(CLIENT, reported, once), None);
        }
    }

    #[test]
    fn a_second_execution_breaks_every_outcome() {
        for reported in [
            Reported::Answered,
            Reported::NotExecuted,
            Reported::Unknown,
            Reported::Dropped,
        ] {
            for route in [CLIENT, Route::Lease] {
                let twice = [(1, true), (2, true)];
                assert_eq!(name(route, reported, &twice), Some("call_doubled"));
            }
        }
    }

    #[test]
    fn a_refused_call_may_be_repeated_elsewhere_but_in_a_conversation() {
        let repeated = [(1, false), (2, true)];
        assert_eq!(name(CLIENT, Reported::Answered, &repeated), None);
        let conversation = Route::Client {
            keeps_state: true,
            evictions: 0,
        };
        let broken = name(conversation, Reported::Answered, &repeated);
        assert_eq!(broken, Some("conversation_moved"));
    }
}
