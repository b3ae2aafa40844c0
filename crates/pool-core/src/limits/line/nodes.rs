//! The values of a line, each in a place of its own.

use super::lanes::{NONE, index};

/// The values of a line, each in a place of its own. A place that was left is used again, with what was left
/// in it.
pub(super) struct Nodes<N> {
    nodes: Vec<Node<N>>,
    /// The first of the places that are free, or [`NONE`]. Each has the next one behind it.
    free: u32,
}

/// A value and its neighbours in its lane.
pub(super) struct Node<N> {
    /// [`FREE`] where no value is.
    pub(super) number: u64,
    /// Its lane.
    pub(super) lane: u32,
    /// One more than that of the value before it in its lane. Wraps.
    pub(super) turn: u32,
    /// Of no meaning for the first value of its lane.
    pub(super) before: u32,
    pub(super) behind: u32,
    pub(super) value: Option<N>,
}

/// The place of a value. It names no other value once that one has been removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) index: u32,
    pub(super) number: u64,
}

/// The number of no value: there are fewer.
const FREE: u64 = u64::MAX;

impl<N> Nodes<N> {
    /// The node of a value, while it is there.
    #[inline]
    pub(super) fn get(&self, place: Place) -> Option<&Node<N>> {
        let node = self.nodes.get(place.index as usize);
        node.filter(|node| node.number == place.number)
    }

    /// As [`get`](Self::get).
    #[inline(always)]
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Node<N>> {
        let node = self.nodes.get_mut(place.index as usize);
        node.filter(|node| node.number == place.number)
    }

    /// The node at an index that is taken.
    #[inline(always)]
    pub(super) fn at(&self, index: u32) -> &Node<N> {
        &self.nodes[index as usize]
    }

    /// As [`at`](Self::at).
    #[inline(always)]
    pub(super) fn at_mut(&mut self, index: u32) -> &mut Node<N> {
        &mut self.nodes[index as usize]
    }

    /// Takes a place for a value of this number, between two others. Its value is that of an earlier one.
    #[inline(always)]
    pub(super) fn take(&mut self, number: u64, [before, behind]: [u32; 2]) -> Place {
        let index = match self.free {
            NONE => self.grow(),
            free => free,
        };
        let node = &mut self.nodes[index as usize];
        self.free = node.behind;
        node.number = number;
        node.before = before;
        node.behind = behind;
        Place { index, number }
    }

    /// Leaves a place that is taken. Its value is the next one's.
    #[inline(always)]
    pub(super) fn leave(&mut self, index: u32) -> &mut Option<N> {
        let free = std::mem::replace(&mut self.free, index);
        let node = self.at_mut(index);
        node.number = FREE;
        node.behind = free;
        &mut node.value
    }

    /// Makes one more place, which is free.
    #[cold]
    fn grow(&mut self) -> u32 {
        let index = index(self.nodes.len());
        self.nodes.push(Node {
            number: FREE,
            lane: NONE,
            turn: 0,
            before: NONE,
            behind: NONE,
            value: None,
        });
        index
    }
}

impl<N> Default for Nodes<N> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            free: NONE,
        }
    }
}
