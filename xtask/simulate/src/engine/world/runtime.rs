//! The runtime of a world.

use std::{
    cell::RefCell,
    panic,
    sync::{Arc, Once},
};

use tokio::runtime::{Builder, Runtime};

use super::super::{
    history::{Findings, History},
    numbers::Numbers,
    plan::Step,
};
use super::world::World;

/// How a world is run.
#[derive(Clone)]
pub(in super::super) struct Settings {
    pub(in super::super) seed: u64,
    /// Whether the history keeps texts.
    pub(in super::super) keeps_text: bool,
    /// The names of violations that are accepted.
    pub(in super::super) allowed: Arc<[String]>,
}

/// Runs the steps in the world of a seed, up to the first violation.
///
/// # Errors
/// When the runtime or the pool cannot be built.
pub(in super::super) fn simulate(settings: &Settings, steps: &[Step]) -> crate::Result<Findings> {
    watch_panics();
    let runtime = runtime(settings.seed)?;
    let history = runtime.block_on(async {
        let history = History::begin(settings.keeps_text, Arc::clone(&settings.allowed));
        let mut world = World::new(settings.seed, history.clone())?;
        for step in steps {
            world.step(step).await;
            if let Some(panic) = PANIC.take() {
                history.violate("panic", || panic);
            }
            if history.is_violated() {
                return Ok(history);
            }
        }
        history.begin_step(None);
        let mut numbers = Numbers::new(settings.seed, END);
        world.end(&mut numbers).await;
        if let Some(panic) = PANIC.take() {
            history.violate("panic", || panic);
        }
        crate::Result::Ok(history)
    })?;
    drop(runtime);
    PANIC.take();
    Ok(history.findings())
}

pub(in super::super) fn runtime(seed: u64) -> crate::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    // How many tasks run before the world takes its next step.
    #[cfg(tokio_unstable)]
    {
        let at_once = Numbers::new(seed, SCHEDULE).pick(&[1, 2, 3, 5, 16, 61]);
        let random = tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes());
        builder.event_interval(at_once).rng_seed(random);
    }
    #[cfg(not(tokio_unstable))]
    let _ = (seed, SCHEDULE);
    Ok(builder.build()?)
}

thread_local! {
    /// The last panic of this thread.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes panics, since tokio catches those of tasks.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANIC.set(Some(info.to_string()));
            before(info);
        }));
    });
}

const END: u64 = 3;

const SCHEDULE: u64 = 4;
