//! The deadlines of waiters.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::types::Ticket;

/// The deadlines of waiters, the earliest first. One of a waiter that has left stays until its turn
/// comes or it is cleared out.
pub(super) struct Deadlines<T>(BinaryHeap<Due<T>>);

struct Due<T> {
    at: T,
    ticket: Ticket,
}

impl<T: Copy + Ord> Deadlines<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, at: T, ticket: Ticket) {
        self.0.push(Due { at, ticket });
    }

    pub(super) fn first(&self) -> Option<(T, Ticket)> {
        self.0.peek().map(|due| (due.at, due.ticket))
    }

    pub(super) fn remove_first(&mut self) {
        self.0.pop();
    }

    pub(super) fn retain(&mut self, mut waits: impl FnMut(Ticket) -> bool) {
        self.0.retain(|due| waits(due.ticket));
    }
}

impl<T: Ord> Default for Deadlines<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T: Ord> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T: Ord> Eq for Due<T> {}

impl<T: Ord> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Due<T> {
    /// The greatest is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}
