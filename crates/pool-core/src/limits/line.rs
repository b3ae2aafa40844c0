//! A line with lanes: the lanes are served in turn.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use slab::Slab;

/// A line with lanes. The lanes that are not empty are served in turn, the values of one lane in the
/// order of their arrival. Every method takes constant time, whatever the length of the line.
pub(crate) struct Line<N> {
    nodes: Slab<Node<N>>,
    lanes: Slab<Lane>,
    by_name: HashMap<u64, usize, BuildHasherDefault<NameHasher>>,
    /// The lane whose turn it is. The lanes form a ring.
    turn: Option<usize>,
    next_number: u64,
}

/// A value in the line and its neighbours in its lane.
struct Node<N> {
    value: N,
    number: u64,
    lane: usize,
    before: Option<usize>,
    behind: Option<usize>,
}

/// A lane that is not empty and its neighbours in the ring.
struct Lane {
    name: u64,
    first: usize,
    last: usize,
    len: usize,
    before: usize,
    behind: usize,
}

/// The place of a value in the line. It names no other value once that one has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    index: usize,
    number: u64,
}

impl<N> Line<N> {
    /// How many values the line has.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True while the line has no value.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many values of this lane are served, and how many of all, before one that joins it now.
    pub(crate) fn ahead_of(&self, lane: u64) -> usize {
        let own = self.by_name.get(&lane).map_or(0, |at| self.lanes[*at].len);
        let others = self.lanes.len() - usize::from(own > 0);
        // Each other lane has a turn for each of this one's.
        (own + others.saturating_mul(own + 1)).min(self.len())
    }

    /// Adds a value at the end of its lane.
    pub(crate) fn push_back(&mut self, lane: u64, value: N) -> Place {
        let (lane_at, is_new) = self.lane(lane);
        let place = self.add(lane_at, value);
        if !is_new {
            let last = self.lanes[lane_at].last;
            self.nodes[last].behind = Some(place.index);
            self.nodes[place.index].before = Some(last);
        }
        self.lanes[lane_at].last = place.index;
        if is_new {
            self.lanes[lane_at].first = place.index;
        }
        place
    }

    /// Adds a value that is served next.
    pub(crate) fn push_front(&mut self, lane: u64, value: N) -> Place {
        let (lane_at, is_new) = self.lane(lane);
        let place = self.add(lane_at, value);
        if !is_new {
            let first = self.lanes[lane_at].first;
            self.nodes[first].before = Some(place.index);
            self.nodes[place.index].behind = Some(first);
        }
        self.lanes[lane_at].first = place.index;
        if is_new {
            self.lanes[lane_at].last = place.index;
        }
        self.turn = Some(lane_at);
        place
    }

    /// Takes out the first value of the lane whose turn it is. The turn passes to the next lane.
    pub(crate) fn pop(&mut self) -> Option<N> {
        let lane = self.turn?;
        let (first, behind) = (self.lanes[lane].first, self.lanes[lane].behind);
        self.turn = Some(behind);
        Some(self.unlink(first))
    }

    /// The value at a place, while it is there.
    pub(crate) fn get(&self, place: Place) -> Option<&N> {
        let node = self.nodes.get(place.index)?;
        (node.number == place.number).then_some(&node.value)
    }

    /// Takes out the value at a place, if it is still there.
    pub(crate) fn remove(&mut self, place: Place) -> Option<N> {
        self.get(place)?;
        Some(self.unlink(place.index))
    }

    /// The values, lane by lane from the one whose turn it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &N> {
        let lanes = std::iter::successors(self.turn, |lane| Some(self.lanes[*lane].behind));
        let lanes = lanes.take(self.lanes.len());
        let firsts = lanes.map(|lane| self.lanes[lane].first);
        firsts.flat_map(|first| {
            std::iter::successors(Some(first), |node| self.nodes[*node].behind)
                .map(|node| &self.nodes[node].value)
        })
    }

    fn add(&mut self, lane: usize, value: N) -> Place {
        let number = self.next_number;
        self.next_number += 1;
        let node = Node {
            value,
            number,
            lane,
            before: None,
            behind: None,
        };
        self.lanes[lane].len += 1;
        Place {
            index: self.nodes.insert(node),
            number,
        }
    }

    /// The lane of this name, and whether it is new. A new one has the last turn.
    fn lane(&mut self, name: u64) -> (usize, bool) {
        // Most lines have one lane.
        if let Some(turn) = self.turn
            && self.lanes[turn].name == name
        {
            return (turn, false);
        }
        if let Some(lane) = self.by_name.get(&name) {
            return (*lane, false);
        }
        let entry = self.lanes.vacant_entry();
        let lane = entry.key();
        entry.insert(Lane {
            name,
            first: 0,
            last: 0,
            len: 0,
            before: lane,
            behind: lane,
        });
        self.by_name.insert(name, lane);
        match self.turn {
            Some(turn) => self.insert_before(turn, lane),
            None => self.turn = Some(lane),
        }
        (lane, true)
    }

    fn insert_before(&mut self, turn: usize, lane: usize) {
        let before = self.lanes[turn].before;
        self.lanes[lane].before = before;
        self.lanes[lane].behind = turn;
        self.lanes[before].behind = lane;
        self.lanes[turn].before = lane;
    }

    fn unlink(&mut self, index: usize) -> N {
        let node = self.nodes.remove(index);
        self.lanes[node.lane].len -= 1;
        match (node.before, node.behind) {
            (None, None) => self.remove_lane(node.lane),
            (before, behind) => {
                match before {
                    Some(before) => self.nodes[before].behind = behind,
                    None => self.lanes[node.lane].first = behind.unwrap_or(index),
                }
                match behind {
                    Some(behind) => self.nodes[behind].before = before,
                    None => self.lanes[node.lane].last = before.unwrap_or(index),
                }
            }
        }
        node.value
    }

    fn remove_lane(&mut self, at: usize) {
        let lane = self.lanes.remove(at);
        self.by_name.remove(&lane.name);
        if lane.behind == at {
            self.turn = None;
            return;
        }
        self.lanes[lane.before].behind = lane.behind;
        self.lanes[lane.behind].before = lane.before;
        if self.turn == Some(at) {
            self.turn = Some(lane.behind);
        }
    }
}

impl<N> Default for Line<N> {
    fn default() -> Self {
        Self {
            nodes: Slab::new(),
            lanes: Slab::new(),
            by_name: HashMap::default(),
            turn: None,
            next_number: 0,
        }
    }
}

/// The name of a lane is a hash already.
#[derive(Default)]
pub(crate) struct NameHasher(u64);

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drained(line: &mut Line<u32>) -> Vec<u32> {
        std::iter::from_fn(|| line.pop()).collect()
    }

    #[test]
    fn lanes_are_served_in_turn_and_each_in_its_order() {
        let mut line = Line::default();
        for value in 0..4 {
            line.push_back(1, value);
        }
        line.push_back(2, 10);
        line.push_back(3, 20);
        line.push_back(3, 21);
        assert_eq!(line.ahead_of(2), 5, "two turns of the others");
        assert_eq!(line.ahead_of(9), 3);
        assert_eq!(drained(&mut line), [0, 10, 20, 1, 21, 2, 3]);
        assert!(line.is_empty() && line.by_name.is_empty());
    }

    #[test]
    fn a_value_put_in_front_is_served_next() {
        let mut line = Line::default();
        line.push_back(1, 0);
        line.push_back(2, 1);
        line.push_front(2, 2);
        line.push_front(3, 3);
        assert_eq!(drained(&mut line), [3, 2, 0, 1]);
    }

    #[test]
    fn a_place_names_no_other_value_after_its_own_left() {
        let mut line = Line::default();
        let first = line.push_back(1, 0);
        assert_eq!(line.pop(), Some(0));
        let second = line.push_back(1, 1);
        assert_eq!(line.get(first), None);
        assert_eq!(line.remove(first), None);
        assert_eq!(line.remove(second), Some(1));
        assert_eq!(line.pop(), None);
    }

    /// What may be done with a line.
    #[derive(Clone, Debug)]
    enum Step {
        Push(u64),
        Front(u64),
        Pop,
        Remove(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..5_u64).prop_map(Step::Push),
            1 => (0..5_u64).prop_map(Step::Front),
            3 => Just(Step::Pop),
            2 => any::<usize>().prop_map(Step::Remove),
        ];
        proptest::collection::vec(step, 0..120)
    }

    proptest! {
        /// The line as a list of lanes, each a list: slow, and plainly right.
        #[test]
        fn a_line_serves_as_its_plain_model_does(steps in steps()) {
            let mut line = Line::default();
            let mut model: Vec<(u64, Vec<u32>)> = Vec::new();
            let mut places: Vec<(Place, u32)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                let value = number as u32;
                match step {
                    Step::Push(lane) => {
                        places.push((line.push_back(lane, value), value));
                        match model.iter_mut().find(|(name, _)| *name == lane) {
                            Some((_, values)) => values.push(value),
                            None => model.push((lane, vec![value])),
                        }
                    }
                    Step::Front(lane) => {
                        places.push((line.push_front(lane, value), value));
                        match model.iter().position(|(name, _)| *name == lane) {
                            Some(at) => {
                                model[at].1.insert(0, value);
                                model.rotate_left(at);
                            }
                            None => model.insert(0, (lane, vec![value])),
                        }
                    }
                    Step::Pop => {
                        let expected = (!model.is_empty()).then(|| {
                            let mut first = model.remove(0);
                            let value = first.1.remove(0);
                            if !first.1.is_empty() {
                                model.push(first);
                            }
                            value
                        });
                        prop_assert_eq!(line.pop(), expected);
                    }
                    Step::Remove(at) if !places.is_empty() => {
                        let (place, value) = places.swap_remove(at % places.len());
                        let is_there = model.iter().any(|(_, values)| values.contains(&value));
                        prop_assert_eq!(line.remove(place), is_there.then_some(value));
                        for (_, values) in &mut model {
                            values.retain(|other| *other != value);
                        }
                        model.retain(|(_, values)| !values.is_empty());
                    }
                    Step::Remove(_) => {}
                }
                let expected: Vec<u32> =
                    model.iter().flat_map(|(_, values)| values.iter().copied()).collect();
                prop_assert_eq!(line.iter().copied().collect::<Vec<_>>(), expected);
                prop_assert_eq!(line.lanes.len(), model.len());
            }
        }
    }
}
