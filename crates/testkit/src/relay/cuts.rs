//! Where a relay cuts its connections. Pure.

/// Where a relay cuts its connections: at random, by a seed.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    seed: u64,
    percent: u64,
    spares_streams: bool,
}

/// Where one connection is cut, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) place: Place,
    /// By a reset; otherwise it is closed.
    pub(super) is_reset: bool,
    /// Whether a connection on which a stream is requested is not cut.
    pub(super) spares_streams: bool,
}

/// A place in the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// After this many bytes of the client.
    InRequest(u64),
    /// After this many bytes of the server.
    InResponse(u64),
    /// After this many writes of the server.
    Between(u64),
}

impl Cuts {
    /// Cuts every connection.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            percent: 100,
            spares_streams: false,
        }
    }

    /// Cuts this part of the connections.
    #[must_use]
    pub fn with_percent(mut self, percent: u64) -> Self {
        self.percent = percent;
        self
    }

    /// Cuts no connection on which a stream is requested by GET.
    #[must_use]
    pub fn sparing_streams(mut self) -> Self {
        self.spares_streams = true;
        self
    }

    /// The cut of the connection with this number.
    pub(super) fn of(&self, connection: u64) -> Option<Cut> {
        let mut random = Random(self.seed ^ connection.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if random.below(100) >= self.percent {
            return None;
        }
        let place = match random.below(4) {
            0 => Place::InRequest(random.below(BYTES)),
            1 | 2 => Place::InResponse(random.below(BYTES)),
            _ => Place::Between(1 + random.below(WRITES)),
        };
        Some(Cut {
            place,
            is_reset: random.below(2) == 0,
            spares_streams: self.spares_streams,
        })
    }
}

/// A connection lasts for some 40 requests.
const BYTES: u64 = 40_000;
const WRITES: u64 = 80;

/// Numbers that a seed decides (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(cuts: Cuts) -> Vec<Option<Cut>> {
        (0..1_000).map(|connection| cuts.of(connection)).collect()
    }

    #[test]
    fn a_seed_decides_every_cut() {
        assert_eq!(all(Cuts::of_seed(1)), all(Cuts::of_seed(1)));
        assert_ne!(all(Cuts::of_seed(1)), all(Cuts::of_seed(2)));
    }

    #[test]
    fn half_of_the_connections_are_cut_at_every_place_and_in_both_ways() {
        let cuts = all(Cuts::of_seed(1).with_percent(50));
        let cuts: Vec<Cut> = cuts.into_iter().flatten().collect();
        assert!((400..600).contains(&cuts.len()), "{}", cuts.len());
        let count = |is: fn(&Cut) -> bool| cuts.iter().filter(|cut| is(cut)).count();
        assert!(count(|cut| cut.is_reset) > 150);
        assert!(count(|cut| !cut.is_reset) > 150);
        assert!(count(|cut| matches!(cut.place, Place::InRequest(_))) > 50);
        assert!(count(|cut| matches!(cut.place, Place::InResponse(_))) > 100);
        assert!(count(|cut| matches!(cut.place, Place::Between(_))) > 50);
    }
}
