//! Ends the process when a world does not end.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::Duration,
};

use tokio::time::Instant;

/// A world that runs; ends when it is dropped.
pub(super) struct Watched(u64);

/// Begins to watch the world of a seed.
///
/// A task that is always ready keeps the time of its world from passing, so that only the time of
/// the machine shows it.
pub(super) fn watch(seed: u64) -> Watched {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_secs(1));
                check();
            }
        });
    });
    running().insert(seed, Instant::now());
    Watched(seed)
}

fn check() {
    let stuck = running()
        .iter()
        .find(|(_, began)| began.elapsed() > LIMIT)
        .map(|(seed, _)| *seed);
    if let Some(seed) = stuck {
        eprintln!("xtask: the world of seed {seed} does not end");
        std::process::exit(1);
    }
}

fn running() -> MutexGuard<'static, BTreeMap<u64, Instant>> {
    static RUNNING: Mutex<BTreeMap<u64, Instant>> = Mutex::new(BTreeMap::new());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Watched {
    fn drop(&mut self) {
        running().remove(&self.0);
    }
}

/// A thousand times what a world takes.
const LIMIT: Duration = Duration::from_secs(20);
