//! The members of a key that have a free slot.

use thin_vec::ThinVec;

use super::super::types::Member;

/// A member and how many use it.
pub(in super::super) struct Entry<M, T> {
    pub(in super::super) member: M,
    pub(in super::super) used: u32,
    /// When it last proved alive.
    pub(in super::super) alive_at: T,
}

/// The members with a free slot, in the order of their use.
///
/// The most recently used one, which the next caller gets, is kept in place: most keys have no other, and
/// among many keys the line of memory that a vector takes is a good part of what a hit costs.
pub(in super::super) struct Ready<M, T> {
    /// `None` only where there are no others either.
    last: Option<Entry<M, T>>,
    /// The others, the more recently used ones later. Of one word, since most keys have none.
    others: ThinVec<Entry<M, T>>,
}

impl<M, T> Ready<M, T> {
    pub(in super::super) fn len(&self) -> usize {
        self.others.len() + usize::from(self.last.is_some())
    }

    #[inline(always)]
    pub(in super::super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    #[inline(always)]
    pub(in super::super) fn last(&self) -> Option<&Entry<M, T>> {
        self.last.as_ref()
    }

    #[inline(always)]
    pub(in super::super) fn last_mut(&mut self) -> Option<&mut Entry<M, T>> {
        self.last.as_mut()
    }

    /// Adds a member that was used most recently.
    #[inline(always)]
    pub(in super::super) fn push(&mut self, entry: Entry<M, T>) {
        if let Some(before) = self.last.replace(entry) {
            self.others.push(before);
        }
    }

    /// Takes out the most recently used member.
    #[inline(always)]
    pub(in super::super) fn pop(&mut self) -> Option<Entry<M, T>> {
        let entry = self.last.take()?;
        if !self.others.is_empty() {
            self.last = self.others.pop();
        }
        Some(entry)
    }

    /// The members in the order of their use.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = &Entry<M, T>> {
        self.others.iter().chain(&self.last)
    }

    pub(in super::super) fn get(&self, index: usize) -> Option<&Entry<M, T>> {
        match index == self.others.len() {
            true => self.last.as_ref(),
            false => self.others.get(index),
        }
    }

    pub(in super::super) fn get_mut(&mut self, index: usize) -> Option<&mut Entry<M, T>> {
        match index == self.others.len() {
            true => self.last.as_mut(),
            false => self.others.get_mut(index),
        }
    }

    /// Puts a member back where it was [removed](Self::remove).
    pub(in super::super) fn insert(&mut self, index: usize, entry: Entry<M, T>) {
        match index < self.len() {
            true => self.others.insert(index, entry),
            false => self.push(entry),
        }
    }

    pub(in super::super) fn remove(&mut self, index: usize) -> Option<Entry<M, T>> {
        match index < self.others.len() {
            true => Some(self.others.remove(index)),
            false if index == self.others.len() => self.pop(),
            false => None,
        }
    }

    /// Takes out all members, in the order of their use.
    pub(in super::super) fn take(&mut self) -> Vec<Entry<M, T>> {
        let others = std::mem::take(&mut self.others);
        others.into_iter().chain(self.last.take()).collect()
    }

    /// Takes out the members that `goes` points at, in the order of their use.
    pub(in super::super) fn extract(
        &mut self,
        mut goes: impl FnMut(&Entry<M, T>) -> bool,
    ) -> Vec<Entry<M, T>> {
        let mut out: Vec<_> = self.others.extract_if(.., |entry| goes(entry)).collect();
        if let Some(last) = self.last.take_if(|last| goes(last)) {
            out.push(last);
            self.last = self.others.pop();
        }
        out
    }

    /// Makes room, so that this many members are added without an allocation.
    pub(in super::super) fn reserve(&mut self, members: usize) {
        let others = members.saturating_sub(1);
        self.others
            .reserve_exact(others.saturating_sub(self.others.len()));
    }
}

impl<M: Member, T> Ready<M, T> {
    /// Where the member with this id is.
    pub(in super::super) fn position(&self, id: u64) -> Option<usize> {
        self.iter().position(|entry| entry.member.id() == id)
    }
}

impl<M, T> Default for Ready<M, T> {
    fn default() -> Self {
        Self {
            last: None,
            others: ThinVec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(members: impl IntoIterator<Item = u64>) -> Ready<u64, ()> {
        let mut ready = Ready::default();
        for member in members {
            ready.push(Entry {
                member,
                used: 0,
                alive_at: (),
            });
        }
        ready
    }

    fn members(ready: &Ready<u64, ()>) -> Vec<u64> {
        ready.iter().map(|entry| entry.member).collect()
    }

    #[test]
    fn the_member_that_was_added_last_comes_first() {
        let mut ready = ready(1..=3);
        let popped = [(); 4].map(|()| ready.pop().map(|entry| entry.member));
        assert_eq!(popped, [Some(3), Some(2), Some(1), None]);
        assert!(ready.is_empty());
    }

    #[test]
    fn a_member_that_is_taken_out_anywhere_leaves_the_others_in_their_order() {
        for index in 0..3 {
            let mut ready = ready(0..3);
            let entry = ready.remove(index).unwrap();
            assert_eq!(entry.member, index as u64);
            let others: Vec<u64> = (0..3).filter(|member| *member != entry.member).collect();
            assert_eq!(members(&ready), others);
            assert_eq!(
                ready.last().map(|entry| entry.member),
                others.last().copied()
            );
            ready.insert(index, entry);
            assert_eq!(members(&ready), [0, 1, 2]);
            assert_eq!(
                ready.get(index).map(|entry| entry.member),
                Some(index as u64)
            );
        }
        assert!(ready(0..3).remove(3).is_none());
    }

    #[test]
    fn members_that_are_pointed_at_leave_and_the_last_of_the_others_is_in_its_place() {
        let leave = |goes: fn(u64) -> bool| {
            let mut ready = ready(0..4);
            let out = ready.extract(|entry| goes(entry.member));
            let out: Vec<u64> = out.into_iter().map(|entry| entry.member).collect();
            let last = ready.last().map(|entry| entry.member);
            (out, members(&ready), last)
        };
        assert_eq!(leave(|it| it == 3), (vec![3], vec![0, 1, 2], Some(2)));
        assert_eq!(leave(|it| it != 1), (vec![0, 2, 3], vec![1], Some(1)));
        assert_eq!(leave(|_| true), (vec![0, 1, 2, 3], vec![], None));
        assert_eq!(leave(|_| false), (vec![], vec![0, 1, 2, 3], Some(3)));
    }

    #[test]
    fn members_that_have_their_place_are_added_without_an_allocation() {
        let mut ready = ready([]);
        ready.reserve(3);
        let room = ready.others.capacity();
        for member in 0..3 {
            ready.push(Entry {
                member,
                used: 0,
                alive_at: (),
            });
        }
        assert_eq!((ready.len(), ready.others.capacity()), (3, room));
        assert_eq!(ready.take().len(), 3);
    }
}
