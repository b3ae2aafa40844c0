//! The deadlines of waiters.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
};

/// The deadlines of waiters, each with what names the waiter. One that is not valid any more, as that of a
/// waiter that has left, stays until its turn comes or it is forgotten.
///
/// Callers with one and the same time limit come in the order of their deadlines, so that most of
/// them need no heap.
pub(crate) struct Deadlines<T, I> {
    in_order: VecDeque<Due<T, I>>,
    /// Those that were earlier than one that came before.
    others: BinaryHeap<Reverse<Due<T, I>>>,
}

struct Due<T, I> {
    at: T,
    waiter: I,
}

impl<T: Copy + Ord, I: Copy> Deadlines<T, I> {
    pub(crate) fn len(&self) -> usize {
        self.in_order.len() + self.others.len()
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, at: T, waiter: I) {
        let due = Due { at, waiter };
        match self.in_order.back() {
            Some(last) if last.at > at => self.others.push(Reverse(due)),
            _ => self.in_order.push_back(due),
        }
    }

    /// The next deadline of those that are valid.
    pub(crate) fn first(&mut self, is_valid: impl Fn(T, I) -> bool) -> Option<(T, I)> {
        self.forget_first(&is_valid);
        while let Some(Reverse(due)) = self.others.peek()
            && !due.is(&is_valid)
        {
            self.others.pop();
        }
        let others = self.others.peek().map(|Reverse(due)| due);
        let first = self.in_order.front().into_iter().chain(others).min()?;
        Some((first.at, first.waiter))
    }

    /// Forgets the deadlines that are not valid any more, once they are more than those of so many that
    /// wait.
    #[inline(always)]
    pub(crate) fn forget(&mut self, waiting: usize, is_valid: impl Fn(T, I) -> bool) {
        if self.len() <= 2 * waiting + MIN_KEPT {
            return;
        }
        let before = self.len();
        self.forget_first(&is_valid);
        // Where callers are served in the order of their deadlines, that was all.
        if self.len() > before / 2 {
            self.in_order.retain(|due| due.is(&is_valid));
            self.others.retain(|Reverse(due)| due.is(&is_valid));
        }
    }

    fn forget_first(&mut self, is_valid: &impl Fn(T, I) -> bool) {
        while let Some(due) = self.in_order.front()
            && !due.is(is_valid)
        {
            self.in_order.pop_front();
        }
    }
}

impl<T: Copy, I: Copy> Due<T, I> {
    fn is(&self, valid: &impl Fn(T, I) -> bool) -> bool {
        valid(self.at, self.waiter)
    }
}

/// So many deadlines may be kept beside those of the callers that wait.
const MIN_KEPT: usize = 32;

impl<T, I> Default for Deadlines<T, I> {
    fn default() -> Self {
        Self {
            in_order: VecDeque::new(),
            others: BinaryHeap::new(),
        }
    }
}

impl<T: Ord, I> PartialEq for Due<T, I> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T: Ord, I> Eq for Due<T, I> {}

impl<T: Ord, I> PartialOrd for Due<T, I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord, I> Ord for Due<T, I> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_of_those_that_wait_comes_first() {
        let mut deadlines = Deadlines::default();
        for (waiter, at) in [30, 10, 40, 20, 50].into_iter().enumerate() {
            deadlines.add(at, waiter);
        }
        let first = |deadlines: &mut Deadlines<u64, usize>, gone: &[usize]| {
            let first = deadlines.first(|_, waiter| !gone.contains(&waiter));
            first.map(|(at, _)| at)
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
        let mut deadlines = Deadlines::default();
        for at in 0..100_u64 {
            deadlines.add(at.max(3 * (at % 40)), at);
        }
        let stays = |_, waiter| waiter == 57;
        deadlines.forget(34, stays);
        assert_eq!(deadlines.len(), 100, "not worth it");
        deadlines.forget(33, stays);
        assert_eq!(deadlines.len(), 1);
        assert_eq!(deadlines.first(stays).map(|(_, waiter)| waiter), Some(57));
    }
}
