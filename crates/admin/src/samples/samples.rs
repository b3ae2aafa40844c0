//! The last samples, and the task that takes them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use mcp_pool_core::WeakPool;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::sample::Sample;
use crate::recorder::{Reading, Recorder};

/// The last 600 samples.
pub(crate) struct Samples {
    kept: Mutex<VecDeque<Arc<Sample>>>,
    latest: watch::Receiver<Option<Arc<Sample>>>,
}

impl Samples {
    /// Starts the task that takes a sample after each pause. It ends when the pool is closed, or no one
    /// has the samples any more.
    pub(crate) fn start(pool: &WeakPool, recorder: &Recorder, pause: Duration) -> Arc<Self> {
        let (sender, latest) = watch::channel(None);
        let samples = Arc::new(Self {
            kept: Mutex::default(),
            latest,
        });
        let sampler = Sampler {
            pool: pool.clone(),
            recorder: recorder.clone(),
            samples: Arc::downgrade(&samples),
            sender,
        };
        tokio::spawn(sampler.run(pause));
        samples
    }

    /// The samples that are kept, the oldest first.
    pub(crate) fn kept(&self) -> Vec<Arc<Sample>> {
        self.lock().iter().cloned().collect()
    }

    /// The newest sample, as it comes. A reader that is slow misses samples; no queue grows for it.
    /// `None` once no further one comes.
    pub(crate) fn latest(&self) -> Option<watch::Receiver<Option<Arc<Sample>>>> {
        let goes_on = self.latest.has_changed().is_ok();
        goes_on.then(|| self.latest.clone())
    }

    fn keep(&self, sample: Arc<Sample>) {
        let mut kept = self.lock();
        if kept.len() >= MAX_SAMPLES {
            kept.pop_front();
        }
        kept.push_back(sample);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Sample>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MAX_SAMPLES: usize = 600;

struct Sampler {
    pool: WeakPool,
    recorder: Recorder,
    samples: Weak<Samples>,
    sender: watch::Sender<Option<Arc<Sample>>>,
}

impl Sampler {
    async fn run(self, pause: Duration) {
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let (mut before, mut at) = (self.recorder.reading(), Instant::now());
        loop {
            ticks.tick().await;
            let (now, time) = (self.recorder.reading(), at.elapsed());
            if !self.take(&before, &now, time) {
                return;
            }
            at += time;
            before = now;
        }
    }

    /// Takes a sample. Returns whether there is a next one.
    fn take(&self, before: &Reading, now: &Reading, time: Duration) -> bool {
        let (Some(samples), Some(pool)) = (self.samples.upgrade(), self.pool.upgrade()) else {
            return false;
        };
        let sample = Arc::new(Sample::between(&pool, before, now, time));
        samples.keep(Arc::clone(&sample));
        self.sender.send_replace(Some(sample));
        !pool.is_closed()
    }
}
