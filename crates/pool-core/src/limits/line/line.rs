//! A line with lanes: the lanes are served in turn.

use super::{
    lanes::{Lanes, NONE},
    nodes::{Node, Nodes, Place},
};

/// A line with lanes. The lanes that are not empty are served in turn, the values of one lane in the
/// order of their arrival. Every method takes constant time, whatever the length of the line.
///
/// A value and its neighbours are close together in memory, since cores that pass on slots pass on these as
/// well.
pub(crate) struct Line<N> {
    nodes: Nodes<N>,
    lanes: Lanes,
    len: u32,
    next_number: u64,
}

impl<N> Line<N> {
    /// A line whose places are numbered from here on.
    pub(crate) fn numbered_from(number: u64) -> Self {
        Self {
            next_number: number,
            ..Self::default()
        }
    }

    /// The number of the next place.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// How many values wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// True while no value waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many values of this lane are served, and how many of all, before one that joins it now.
    pub(crate) fn ahead_of(&self, lane: u64) -> usize {
        let own = self.lanes.len_of(lane);
        let others = self.lanes.len() - usize::from(own > 0);
        // Each other lane has a turn for each of this one's.
        (own + others.saturating_mul(own + 1)).min(self.len())
    }

    /// How many values are served before the one at a place, while that waits.
    ///
    /// An estimate: exact in a single lane that no value has left out of its turn, and where all lanes are
    /// as long as this one. Of two estimates it is the lower one, so that one of many lanes with a value
    /// each is not taken for the last one of all, nor a short lane for a long one.
    pub(crate) fn ahead(&self, place: Place) -> Option<usize> {
        let node = self.nodes.get(place)?;
        let lane = self.lanes.at(node.lane);
        let before = node.turn.wrapping_sub(self.nodes.at(lane.first).turn);
        let own = before.min(lane.len - 1) as usize;
        let by_lanes = own + (self.lanes.len() - 1).saturating_mul(own + 1);
        // As if those that have left were the first ones.
        let oldest = self.next_number - self.len() as u64;
        let by_order = usize::try_from(node.number.saturating_sub(oldest)).unwrap_or(by_lanes);
        Some(by_lanes.min(by_order))
    }

    /// Adds a value at the end of its lane.
    pub(crate) fn push_back(&mut self, lane: u64, value: N) -> Place {
        let (place, at) = self.join_last(lane);
        *at = Some(value);
        place
    }

    /// Adds a value that is served next.
    #[cfg(test)]
    pub(crate) fn push_front(&mut self, lane: u64, value: N) -> Place {
        let (place, at) = self.join_first(lane);
        *at = Some(value);
        place
    }

    /// A place at the end of a lane, whose value is still to be set. Another one may have been there before.
    #[inline(always)]
    pub(crate) fn join_last(&mut self, lane: u64) -> (Place, &mut Option<N>) {
        let at = self.lanes.of(lane);
        let last = self.lanes.at(at).last;
        let turn = match last {
            NONE => 0,
            last => self.node(last).turn.wrapping_add(1),
        };
        let place = self.add(at, turn, [last, NONE]);
        match last {
            NONE => self.lanes.at_mut(at).first = place.index,
            last => self.node(last).behind = place.index,
        }
        self.lanes.at_mut(at).last = place.index;
        (place, &mut self.node(place.index).value)
    }

    /// The place that is served next, whose value is still to be set. Another one may have been there before.
    pub(crate) fn join_first(&mut self, lane: u64) -> (Place, &mut Option<N>) {
        let at = self.lanes.of(lane);
        let first = self.lanes.at(at).first;
        let turn = match first {
            NONE => 0,
            first => self.node(first).turn.wrapping_sub(1),
        };
        let place = self.add(at, turn, [NONE, first]);
        match first {
            NONE => self.lanes.at_mut(at).last = place.index,
            first => self.node(first).before = place.index,
        }
        self.lanes.at_mut(at).first = place.index;
        self.lanes.set_turn(at);
        (place, &mut self.node(place.index).value)
    }

    /// The place that is served next.
    pub(crate) fn first(&self) -> Option<Place> {
        let lane = self.lanes.turn()?;
        Some(self.place(self.lanes.at(lane).first))
    }

    /// Has the first value of the lane whose turn it is leave its place. What is left in it is the next one's.
    /// The turn passes to the next lane.
    #[inline(always)]
    pub(crate) fn call(&mut self) -> Option<&mut Option<N>> {
        let lane = self.lanes.at(self.lanes.turn()?);
        let (first, behind) = (lane.first, lane.behind);
        self.lanes.set_turn(behind);
        Some(self.leave(first))
    }

    /// Takes out the first value of the lane whose turn it is. The turn passes to the next lane.
    pub(crate) fn pop(&mut self) -> Option<N> {
        self.call()?.take()
    }

    /// The value at a place, while it is there.
    pub(crate) fn get(&self, place: Place) -> Option<&N> {
        self.nodes.get(place)?.value.as_ref()
    }

    /// As [`get`](Self::get).
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut N> {
        self.nodes.get_mut(place)?.value.as_mut()
    }

    /// True while the value at a place is there.
    #[inline]
    pub(crate) fn waits(&self, place: Place) -> bool {
        self.nodes.get(place).is_some()
    }

    /// Takes out the value at a place, if it is still there.
    pub(crate) fn remove(&mut self, place: Place) -> Option<N> {
        self.vacate(place)?.take()
    }

    /// Leaves a place, if its value is still there. What is left in it is the next one's.
    #[inline(always)]
    pub(crate) fn vacate(&mut self, place: Place) -> Option<&mut Option<N>> {
        self.nodes.get(place)?;
        Some(self.leave(place.index))
    }

    /// The places of those that wait, lane by lane from the one whose turn it is.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let firsts = self.lanes.in_turn().map(|lane| lane.first);
        firsts.flat_map(|first| {
            std::iter::successors(Some(first), |node| {
                let behind = self.nodes.at(*node).behind;
                (behind != NONE).then_some(behind)
            })
            .map(|node| self.place(node))
        })
    }

    #[inline(always)]
    fn add(&mut self, lane: u32, turn: u32, between: [u32; 2]) -> Place {
        let number = self.next_number;
        self.next_number += 1;
        self.len += 1;
        self.lanes.at_mut(lane).len += 1;
        let place = self.nodes.take(number, between);
        let node = self.node(place.index);
        node.lane = lane;
        node.turn = turn;
        place
    }

    /// Leaves a place that is taken.
    #[inline(always)]
    fn leave(&mut self, index: u32) -> &mut Option<N> {
        let node = self.node(index);
        let (lane, before, behind) = (node.lane, node.before, node.behind);
        self.len -= 1;
        let at = self.lanes.at_mut(lane);
        at.len -= 1;
        match (at.first == index, behind) {
            (true, NONE) => self.lanes.remove(lane),
            // The next value is not touched, which is in the memory of another core.
            (true, _) => at.first = behind,
            (false, NONE) => {
                at.last = before;
                self.node(before).behind = NONE;
            }
            (false, _) => {
                self.node(before).behind = behind;
                self.node(behind).before = before;
            }
        }
        self.nodes.leave(index)
    }

    fn place(&self, index: u32) -> Place {
        let number = self.nodes.at(index).number;
        Place { index, number }
    }

    #[inline(always)]
    fn node(&mut self, index: u32) -> &mut Node<N> {
        self.nodes.at_mut(index)
    }
}

impl<N> Default for Line<N> {
    fn default() -> Self {
        Self {
            nodes: Nodes::default(),
            lanes: Lanes::default(),
            len: 0,
            next_number: 0,
        }
    }
}

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
        assert!(line.is_empty() && line.lanes.is_empty());
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

    #[test]
    fn what_is_left_in_a_place_is_found_by_the_next_one_alone() {
        let mut line = Line::default();
        let [first, second, third] = [0, 1, 2].map(|value| line.push_back(1, value));
        assert_eq!(line.call(), Some(&mut Some(0)));
        assert_eq!(line.vacate(third), Some(&mut Some(2)));
        assert_eq!((line.len(), line.first()), (1, Some(second)));
        assert!(!line.waits(first) && line.waits(second) && !line.waits(third));
        assert_eq!(line.get_mut(first), None);
        assert_eq!(line.vacate(first), None);
        let (next, left) = line.join_last(1);
        assert_eq!(left.replace(3), Some(2));
        assert_eq!((line.get(next), line.get(third)), (Some(&3), None));
        assert_eq!(line.remove(second), Some(1));
        assert_eq!((line.pop(), line.is_empty()), (Some(3), true));
    }

    #[test]
    fn a_place_knows_how_many_are_served_before_it() {
        let mut line = Line::default();
        let crowd: Vec<_> = (0..100).map(|value| line.push_back(1, value)).collect();
        let [alone, early] = [2, 3].map(|lane| line.push_back(lane, 200));
        let front = line.push_front(1, 300);
        let ahead = |line: &Line<u32>, place| line.ahead(place);
        // Its turn comes after one of each other lane, and not after all of the crowd.
        assert!(ahead(&line, front).is_some_and(|ahead| ahead <= 2));
        assert!(ahead(&line, alone).is_some_and(|ahead| ahead <= 2));
        assert!(ahead(&line, crowd[50]).is_some_and(|ahead| ahead >= 50));
        line.remove(early);
        line.remove(alone);
        assert_eq!(ahead(&line, alone), None);
        line.remove(front);
        assert_eq!(ahead(&line, crowd[0]), Some(0));
        for _ in 0..30 {
            line.pop();
        }
        assert!(ahead(&line, crowd[99]).is_some_and(|ahead| (66..=69).contains(&ahead)));
    }

    #[test]
    fn a_value_of_a_short_lane_is_behind_one_of_each_other_lane_for_each_of_its_own() {
        let mut line = Line::default();
        for value in 0..20 {
            line.push_back(1, value);
        }
        let short: Vec<_> = (0..10).map(|value| line.push_back(2, value)).collect();
        for place in &short[1..9] {
            line.remove(*place);
        }
        assert_eq!(line.ahead(short[0]), Some(1));
        assert_eq!(line.ahead(short[9]), Some(3), "two of the long lane");
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
                let values: Vec<u32> =
                    line.places().map(|place| *line.get(place).unwrap()).collect();
                prop_assert_eq!(values, expected);
                prop_assert_eq!(line.lanes.len(), model.len());
            }
        }
    }
}
