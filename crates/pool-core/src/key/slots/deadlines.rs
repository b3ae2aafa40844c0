//! The deadlines of waiters.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
};

use super::types::Ticket;

/// The deadlines of waiters. One of a waiter that has left stays until its turn comes or it is
/// forgotten.
///
/// Callers with one and the same time limit come in the order of their deadlines, so that most of
/// them need no heap.
pub(super) struct Deadlines<T> {
    in_order: VecDeque<Due<T>>,
    /// Those that were earlier than one that came before.
    others: BinaryHeap<Reverse<Due<T>>>,
}

struct Due<T> {
    at: T,
    ticket: Ticket,
}

impl<T: Copy + Ord> Deadlines<T> {
    pub(super) fn len(&self) -> usize {
        self.in_order.len() + self.others.len()
    }

    #[inline]
    pub(super) fn add(&mut self, at: T, ticket: Ticket) {
        let due = Due { at, ticket };
        match self.in_order.back() {
            Some(last) if last.at > at => self.others.push(Reverse(due)),
            _ => self.in_order.push_back(due),
        }
    }

    /// The next deadline of those that wait.
    pub(super) fn first(&mut self, waits: impl Fn(Ticket) -> bool) -> Option<(T, Ticket)> {
        self.forget_first(&waits);
        while let Some(Reverse(due)) = self.others.peek()
            && !waits(due.ticket)
        {
            self.others.pop();
        }
        let others = self.others.peek().map(|Reverse(due)| due);
        let first = self.in_order.front().into_iter().chain(others).min()?;
        Some((first.at, first.ticket))
    }

    /// Forgets the deadlines of those who wait no more.
    pub(super) fn forget(&mut self, waits: impl Fn(Ticket) -> bool) {
        let before = self.len();
        self.forget_first(&waits);
        // Where callers are served in the order of their deadlines, that was all.
        if self.len() > before / 2 {
            self.in_order.retain(|due| waits(due.ticket));
            self.others.retain(|Reverse(due)| waits(due.ticket));
        }
    }

    fn forget_first(&mut self, waits: &impl Fn(Ticket) -> bool) {
        while let Some(due) = self.in_order.front()
            && !waits(due.ticket)
        {
            self.in_order.pop_front();
        }
    }
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Self {
            in_order: VecDeque::new(),
            others: BinaryHeap::new(),
        }
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
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sync::Line;
    use super::*;

    #[test]
    fn the_earliest_deadline_of_those_that_wait_comes_first() {
        let mut line = Line::default();
        let mut deadlines = Deadlines::default();
        let tickets = [30, 10, 40, 20, 50].map(|at| {
            let ticket = Ticket(line.push_back(0, at));
            deadlines.add(at, ticket);
            ticket
        });
        let first = |deadlines: &mut Deadlines<u64>, gone: &[usize]| {
            let waits = |ticket| !gone.iter().any(|at| tickets[*at] == ticket);
            deadlines.first(waits).map(|(at, _)| at)
        };
        assert_eq!(first(&mut deadlines, &[]), Some(10));
        assert_eq!(first(&mut deadlines, &[1]), Some(20));
        assert_eq!(first(&mut deadlines, &[1, 3]), Some(30));
        assert_eq!(first(&mut deadlines, &[0, 1, 3]), Some(40));
        assert_eq!(first(&mut deadlines, &[0, 1, 2, 3, 4]), None);
        assert_eq!(deadlines.len(), 0);
    }

    #[test]
    fn forgotten_are_those_that_wait_no_more_in_whatever_order_they_left() {
        let mut line = Line::default();
        let mut deadlines = Deadlines::default();
        let tickets: Vec<_> = (0..100_u64)
            .map(|at| {
                let ticket = Ticket(line.push_back(0, at));
                deadlines.add(at.max(3 * (at % 40)), ticket);
                ticket
            })
            .collect();
        let stays = |ticket: Ticket| tickets.iter().position(|one| *one == ticket) == Some(57);
        deadlines.forget(stays);
        assert_eq!(deadlines.len(), 1);
        let (_, left) = deadlines.first(stays).unwrap();
        assert_eq!(left, tickets[57]);
    }
}
