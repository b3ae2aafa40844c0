//! The lanes of a line, in a ring.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use slab::Slab;

/// The lanes of a line that are not empty, in a ring, and the one whose turn it is.
pub(super) struct Lanes {
    /// The lane whose turn it is, or [`NONE`].
    turn: u32,
    /// The lane [`ONE`]. Most lines have no other, whose memory would be one piece more that goes from core to core.
    one: Option<Lane>,
    /// There once there were two.
    others: Option<Box<Others>>,
}

/// The lanes beside the first one.
#[derive(Default)]
struct Others {
    /// Each by its number less one.
    lanes: Slab<Lane>,
    by_name: HashMap<u64, u32, BuildHasherDefault<NameHasher>>,
}

/// A lane and its neighbours in the ring.
pub(super) struct Lane {
    name: u64,
    /// The first and the last value of the lane, or [`NONE`].
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) len: u32,
    before: u32,
    pub(super) behind: u32,
}

/// No lane and no value. Memory does not suffice for so many.
pub(super) const NONE: u32 = u32::MAX;

/// The number of a value or lane. There are no more than memory allows, each of it dozens of bytes.
#[inline]
pub(super) fn index(key: usize) -> u32 {
    u32::try_from(key).unwrap_or(NONE)
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| others.lanes.len());
        others + usize::from(self.one.is_some())
    }

    /// True while there is no lane.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.others.iter().all(|others| others.by_name.is_empty())
    }

    /// How many values the lane of this name has.
    pub(super) fn len_of(&self, name: u64) -> usize {
        let lane = self.named(name);
        lane.map_or(0, |lane| self.at(lane).len as usize)
    }

    /// The lane whose turn it is.
    #[inline(always)]
    pub(super) fn turn(&self) -> Option<u32> {
        (self.turn != NONE).then_some(self.turn)
    }

    #[inline(always)]
    pub(super) fn set_turn(&mut self, lane: u32) {
        self.turn = lane;
    }

    #[inline(always)]
    pub(super) fn at(&self, lane: u32) -> &Lane {
        match (&self.one, lane) {
            (Some(one), ONE) => one,
            _ => self.other(lane),
        }
    }

    #[inline(always)]
    pub(super) fn at_mut(&mut self, lane: u32) -> &mut Lane {
        if lane == ONE
            && let Some(one) = &mut self.one
        {
            return one;
        }
        let others = self.others.as_mut().expect("the lane is there");
        &mut others.lanes[place(lane)]
    }

    #[inline(never)]
    fn other(&self, lane: u32) -> &Lane {
        let others = self.others.as_ref().expect("the lane is there");
        &others.lanes[place(lane)]
    }

    fn named(&self, name: u64) -> Option<u32> {
        if self.one.as_ref().is_some_and(|lane| lane.name == name) {
            return Some(ONE);
        }
        let others = self.others.as_ref()?;
        others.by_name.get(&name).copied()
    }

    /// The lanes, from the one whose turn it is.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Lane> {
        let lanes = std::iter::successors(self.turn(), |lane| Some(self.at(*lane).behind));
        lanes.take(self.len()).map(|lane| self.at(lane))
    }

    /// The lane of this name. A new one has the last turn.
    #[inline(always)]
    pub(super) fn of(&mut self, name: u64) -> u32 {
        match &self.one {
            Some(lane) if lane.name == name => ONE,
            _ => self.of_other(name),
        }
    }

    #[inline(never)]
    fn of_other(&mut self, name: u64) -> u32 {
        if let Some(lane) = self.named(name) {
            return lane;
        }
        let lane = self.add(name);
        match self.turn {
            NONE => self.turn = lane,
            turn => self.insert_before(turn, lane),
        }
        lane
    }

    /// Adds a lane, alone in its ring.
    fn add(&mut self, name: u64) -> u32 {
        let of = |lane| Lane {
            name,
            first: NONE,
            last: NONE,
            len: 0,
            before: lane,
            behind: lane,
        };
        if self.one.is_none() {
            self.one = Some(of(ONE));
            return ONE;
        }
        let others = self.others.get_or_insert_default();
        let entry = others.lanes.vacant_entry();
        let lane = index(entry.key() + 1);
        entry.insert(of(lane));
        others.by_name.insert(name, lane);
        lane
    }

    fn insert_before(&mut self, turn: u32, lane: u32) {
        let before = self.at(turn).before;
        self.at_mut(lane).before = before;
        self.at_mut(lane).behind = turn;
        self.at_mut(before).behind = lane;
        self.at_mut(turn).before = lane;
    }

    fn take(&mut self, at: u32) -> Option<Lane> {
        if at == ONE {
            return self.one.take();
        }
        let others = self.others.as_mut()?;
        let lane = others.lanes.try_remove(place(at))?;
        others.by_name.remove(&lane.name);
        Some(lane)
    }

    /// Removes a lane that is empty.
    pub(super) fn remove(&mut self, at: u32) {
        let Some(lane) = self.take(at) else {
            return;
        };
        if lane.behind == at {
            self.turn = NONE;
            return;
        }
        self.at_mut(lane.before).behind = lane.behind;
        self.at_mut(lane.behind).before = lane.before;
        if self.turn == at {
            self.turn = lane.behind;
        }
    }
}

/// The number of the lane beside the line.
const ONE: u32 = 0;

/// Where another lane is.
#[inline]
fn place(lane: u32) -> usize {
    lane as usize - 1
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            turn: NONE,
            one: None,
            others: None,
        }
    }
}

/// The name of a lane is a hash already.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, name: u64) {
        self.0 = self.0.rotate_left(8) ^ name.wrapping_mul(SPREAD);
    }
}

/// An odd number whose bits are spread, so that small names differ in their upper bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
