//! What the memory of an acquire takes without a pool: its client, its key and its session follow from each other.

use std::{hint::black_box, iter};

use tokio::time::Instant;

use super::repeated::{ACQUIRES, ROUNDS, next};
use crate::statistics::median;

/// A client that is one line of memory and a bit; its key and its session are as large as those of the pool with
/// a driver that keeps nothing.
struct Client {
    key: Box<Key>,
    _others: [u64; 8],
}

struct Key {
    _before: [u64; 8],
    session: Box<Session>,
    _others: [u64; 38],
}

struct Session {
    _before: [u64; 4],
    /// 0, which the compiler does not know.
    number: u64,
    _others: [u64; 35],
}

/// The time of three loads that follow from each other among so many keys, in nanoseconds. Each three follow from
/// the ones before, as the work of a caller follows from its session.
pub(super) fn chain_ns(keys: usize) -> f64 {
    let clients: Vec<_> = iter::repeat_with(Client::new).take(keys).collect();
    median((0..ROUNDS).map(|round| {
        let begun = Instant::now();
        let mut random = round;
        for _ in 0..ACQUIRES {
            random = next(random);
            let client = &clients[(random >> 33) as usize % clients.len()];
            random ^= client.key.session.number;
        }
        black_box(random);
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(ACQUIRES)
    }))
}

impl Client {
    fn new() -> Self {
        let session = Box::new(Session {
            _before: [0; 4],
            number: black_box(0),
            _others: [0; 35],
        });
        let key = Box::new(Key {
            _before: [0; 8],
            session,
            _others: [0; 38],
        });
        Self {
            key,
            _others: [0; 8],
        }
    }
}
