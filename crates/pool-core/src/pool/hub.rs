//! What every part of a pool needs: settings, seams, limits, and the way to the closer.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::task::TaskTracker;

use super::{
    capacity::Capacity, connect, connectors::Connectors, counters::Counters, registry::Registry,
};
use crate::{
    Endpoint, PoolConfig,
    breaker::{Attempt, BreakerState},
    bucket::{Bucket, Live},
    digest::DigestKey,
    event::CloseReason,
    expiry::ExpiryPolicy,
    extend::{ContextPropagator, CredentialSource, Observer, ProbePlan},
    moment::Clock,
    tools::ToolLists,
};

/// What every part of a pool needs. Holds no bucket, so that buckets may hold it.
pub(crate) struct Hub {
    pub(crate) config: PoolConfig,
    pub(crate) clock: Clock,
    pub(crate) expiry: ExpiryPolicy,
    pub(crate) probes: ProbePlan,
    pub(crate) secret: DigestKey,
    pub(crate) connectors: Connectors,
    pub(crate) credentials: Arc<dyn CredentialSource>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) propagator: Option<Arc<dyn ContextPropagator>>,
    pub(crate) capacity: Capacity,
    pub(crate) counters: Counters,
    pub(crate) registry: Registry,
    /// The tool lists that are kept, where any are.
    pub(crate) tools: Option<ToolLists>,
    /// Connects and farewells under way.
    pub(crate) tasks: TaskTracker,
    pub(crate) runtime: Handle,
    pub(crate) closer: mpsc::UnboundedSender<Message>,
    pub(crate) closed: AtomicBool,
    pub(crate) next_id: AtomicU64,
}

/// What the closer is told.
pub(crate) enum Message {
    /// Say farewell to a session that has left its key.
    Close(Arc<Live>, CloseReason),
    /// Somebody in line needs a session opened.
    Connect(Arc<Bucket>),
    /// A key was forgotten.
    Evicted(Arc<Bucket>),
    /// A session's transport reported its end.
    Lost(Weak<Bucket>, u64),
    /// Make room, if there is any, for those who wait for it.
    Room,
    /// Look at this key by then.
    Watch(Weak<Bucket>, tokio::time::Instant),
}

impl Hub {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Closes a session that has left its key: its place is free at once, the farewell follows.
    /// Does nothing the second time.
    pub(crate) fn close(&self, live: Arc<Live>, reason: CloseReason) {
        if live.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        live.give_up_place();
        live.hearing.end();
        self.registry.remove(live.id);
        self.tell(Message::Close(live, reason));
    }

    /// Sees to it that a connect is begun, from where none can be spawned.
    pub(crate) fn want_connect(&self, bucket: &Arc<Bucket>) {
        self.tell(Message::Connect(Arc::clone(bucket)));
    }

    /// Sees whether there is room at a key, if anybody waits for some: it or a session of it may be
    /// unused now.
    #[inline]
    pub(crate) fn look_for_room(&self, bucket: &Bucket) {
        if self.capacity.is_wanted() {
            self.make_room_at(bucket);
        }
    }

    /// Where nobody has a session to spare, the one that has just come free is given up at once: the
    /// closer would often come too late, after it is in use again. Elsewhere the closer chooses.
    #[inline(never)]
    fn make_room_at(&self, bucket: &Bucket) {
        let sessions = &self.capacity.sessions;
        if sessions.is_short()
            && sessions.is_wanted_by_first()
            && let Some(live) = bucket.slots.take_oldest()
        {
            self.close(live, CloseReason::Room);
        }
        self.want_room();
    }

    /// Has the closer make room for somebody who has come to stand in line.
    pub(crate) fn want_room(&self) {
        if self.capacity.is_news() {
            self.tell(Message::Room);
        }
    }

    /// Tells the closer. It outlives the hub, except when its runtime is gone; then there is nobody
    /// left to say farewell, and dropping the message drops the session.
    pub(crate) fn tell(&self, message: Message) {
        let _ = self.closer.send(message);
    }

    /// Sees to it that a key is looked at by then.
    pub(crate) fn watch(&self, bucket: &Arc<Bucket>, at: tokio::time::Instant) {
        self.tell(Message::Watch(Arc::downgrade(bucket), at));
    }

    /// Begins the connects that a key wants, as far as there is room.
    pub(crate) fn begin_connects(&self, bucket: &Arc<Bucket>) {
        while let Some((asker, ask)) = bucket.slots.begin_connect() {
            connect::begin(bucket, asker, ask);
        }
    }

    pub(crate) fn observe(&self, tell: impl FnOnce(&dyn Observer, &str)) {
        if let Some(observer) = &self.observer {
            tell(observer.as_ref(), &self.config.name);
        }
    }

    pub(crate) fn close_timeout(&self) -> Duration {
        self.config.timeouts.close_timeout
    }

    /// Passes on a change of an endpoint's circuit.
    pub(crate) fn note_breaker(
        &self,
        endpoint: &Endpoint,
        change: Option<(BreakerState, BreakerState)>,
    ) {
        let Some((before, after)) = change else {
            return;
        };
        if after == BreakerState::Open && before != BreakerState::Open {
            Counters::add(&self.counters.breaker_trips);
        }
        tracing::info!(%endpoint, from = before.as_str(), to = after.as_str(), "circuit changed");
        self.observe(|observer, pool| {
            observer.breaker_changed(&crate::event::BreakerChanged {
                pool,
                endpoint,
                before,
                after,
            });
        });
    }

    /// Counts a call's failure to reach the endpoint against it.
    pub(crate) fn note_unreachable(&self, bucket: &Bucket) {
        let now = tokio::time::Instant::now();
        let change = bucket.upstream.breaker.failed(Attempt::CALL, now);
        self.note_breaker(bucket.key.endpoint(), change);
    }
}
