//! One piece of work for all callers that need its outcome.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// Single flight: the first caller does the work, callers that come meanwhile wait for its outcome.
///
/// ```
/// use mcp_pool_core::extend::{Flight, SingleFlight};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let flights = SingleFlight::default();
/// let Flight::Leader(leader) = flights.join() else { unreachable!("no flight was under way") };
/// let Flight::Follower(follower) = flights.join() else { unreachable!("one is under way now") };
/// leader.finish(7);
/// assert_eq!(follower.outcome().await, Some(7));
/// # }
/// ```
pub struct SingleFlight<T>(Arc<Mutex<Option<Outcome<T>>>>);

type Outcome<T> = Arc<watch::Sender<Option<T>>>;

/// The part that a caller has in a flight.
pub enum Flight<T> {
    /// The caller does the work.
    Leader(Leader<T>),
    /// Another caller does the work.
    Follower(Follower<T>),
}

/// The right and the duty to do the work. Dropped without an outcome, it ends the flight: each
/// follower gets `None`, and the next caller leads.
pub struct Leader<T> {
    flights: SingleFlight<T>,
    outcome: Outcome<T>,
}

/// Waits for the outcome of another caller's work.
pub struct Follower<T>(watch::Receiver<Option<T>>);

impl<T: Clone> SingleFlight<T> {
    /// Leads a new flight, or follows the one under way.
    #[must_use]
    pub fn join(&self) -> Flight<T> {
        let mut current = self.lock();
        if let Some(outcome) = current.as_ref() {
            return Flight::Follower(Follower(outcome.subscribe()));
        }
        let outcome: Outcome<T> = Arc::new(watch::Sender::new(None));
        *current = Some(Arc::clone(&outcome));
        Flight::Leader(Leader {
            flights: self.clone(),
            outcome,
        })
    }

    /// Gives the followers of the flight under way this outcome at once. Returns how many there were.
    /// What the leader finds afterwards is ignored.
    pub fn abort(&self, outcome: T) -> usize {
        let Some(current) = self.lock().clone() else {
            return 0;
        };
        let followers = current.receiver_count();
        settle(&current, outcome);
        followers
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outcome<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Leader<T> {
    /// Ends the flight and gives every follower the outcome.
    pub fn finish(self, outcome: T) {
        *self.flights.lock() = None;
        settle(&self.outcome, outcome);
    }

    /// A follower of this flight, for a leader whose work runs on a task of its own.
    #[must_use]
    pub fn follow(&self) -> Follower<T> {
        Follower(self.outcome.subscribe())
    }
}

impl<T> Drop for Leader<T> {
    fn drop(&mut self) {
        let mut current = self
            .flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_mine = |outcome: &Outcome<T>| Arc::ptr_eq(outcome, &self.outcome);
        if current.as_ref().is_some_and(is_mine) {
            *current = None;
        }
    }
}

impl<T: Clone> Follower<T> {
    /// The outcome; `None` when the leader left without one.
    ///
    /// # Cancel safety
    /// Safe; the flight goes on for the others.
    pub async fn outcome(mut self) -> Option<T> {
        let outcome = self.0.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }
}

/// Only the first outcome of a flight counts.
fn settle<T>(flight: &watch::Sender<Option<T>>, outcome: T) {
    flight.send_if_modified(|current| {
        let is_first = current.is_none();
        if is_first {
            *current = Some(outcome);
        }
        is_first
    });
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for SingleFlight<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Flight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leader(_) => "Leader",
            Self::Follower(_) => "Follower",
        })
    }
}

impl<T> fmt::Debug for Leader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Follower<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(flights: &SingleFlight<u8>) -> Leader<u8> {
        match flights.join() {
            Flight::Leader(leader) => leader,
            Flight::Follower(_) => panic!("a flight is under way"),
        }
    }

    fn follower(flights: &SingleFlight<u8>) -> Follower<u8> {
        match flights.join() {
            Flight::Follower(follower) => follower,
            Flight::Leader(_) => panic!("no flight is under way"),
        }
    }

    #[tokio::test]
    async fn every_follower_gets_the_outcome_and_the_next_caller_leads_again() {
        let flights = SingleFlight::default();
        let first = leader(&flights);
        let own = first.follow();
        let others = [follower(&flights), follower(&flights)];
        first.finish(1);
        assert_eq!(own.outcome().await, Some(1));
        for other in others {
            assert_eq!(other.outcome().await, Some(1));
        }
        drop(leader(&flights));
    }

    #[tokio::test]
    async fn a_leader_that_leaves_ends_the_flight_without_an_outcome() {
        let flights = SingleFlight::default();
        let first = leader(&flights);
        let other = follower(&flights);
        drop(first);
        assert_eq!(other.outcome().await, None);
        drop(leader(&flights));
    }

    #[tokio::test]
    async fn an_aborted_flight_keeps_its_first_outcome() {
        let flights = SingleFlight::default();
        let first = leader(&flights);
        let other = follower(&flights);
        assert_eq!(flights.abort(2), 1);
        first.finish(1);
        assert_eq!(other.outcome().await, Some(2));
        assert_eq!(flights.abort(3), 0);
    }
}
