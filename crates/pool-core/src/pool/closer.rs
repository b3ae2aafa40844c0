//! The one background task of a pool: says farewells, looks after keys, makes room.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Weak},
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};

use super::{Shared, counters::Counters, hub::Message, room::Room, sweep};
use crate::{
    PoolConfig,
    bucket::{Bucket, Live},
    event::CloseReason,
    extend::CloseOutcome,
    trace,
};

/// The closer's own state. Holds the pool weakly: it ends when everything that could send to it is
/// gone, and says farewell to what is left by then.
pub(super) struct Closer {
    inbox: mpsc::UnboundedReceiver<Message>,
    pool: Weak<Shared>,
    agenda: BinaryHeap<Reverse<Look>>,
    room: Room,
    /// How many farewells may be under way at the same time.
    farewells: Arc<Semaphore>,
}

/// When to look at a key.
struct Look {
    at: Instant,
    bucket: Weak<Bucket>,
}

impl Closer {
    pub(super) fn new(inbox: mpsc::UnboundedReceiver<Message>, pool: Weak<Shared>) -> Self {
        Self {
            inbox,
            pool,
            agenda: BinaryHeap::new(),
            room: Room::default(),
            farewells: Arc::new(Semaphore::new(FAREWELLS_AT_ONCE)),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let next = self.agenda.peek().map(|Reverse(look)| look.at);
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.handle(message),
                    None => return,
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    self.look_at_due();
                }
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Close(live, reason) => self.close(live, reason),
            Message::Connect(bucket) => bucket.hub.begin_connects(&bucket),
            Message::Evicted(bucket) => note_evicted(&bucket),
            Message::Lost(bucket, id) => expel(&bucket, id),
            Message::Room => self.make_room(),
            Message::Watch(bucket, at) => self.plan(bucket, at),
        }
    }

    /// Notes when to look at a key, unless it is looked at before anyway.
    fn plan(&mut self, weak: Weak<Bucket>, at: Instant) {
        let Some(bucket) = weak.upgrade() else {
            return;
        };
        if bucket.next_look.bring_forward(bucket.hub.clock.moment(at)) {
            self.agenda.push(Reverse(Look { at, bucket: weak }));
        }
    }

    /// Looks at the keys whose time has come; a few at a time, so that messages are not held up.
    fn look_at_due(&mut self) {
        let now = Instant::now();
        for _ in 0..LOOKS_AT_ONCE {
            let is_due = |Reverse(look): &Reverse<Look>| look.at <= now;
            if !self.agenda.peek().is_some_and(is_due) {
                return;
            }
            let Some(Reverse(look)) = self.agenda.pop() else {
                return;
            };
            let (Some(bucket), Some(pool)) = (look.bucket.upgrade(), self.pool.upgrade()) else {
                continue;
            };
            if !bucket.next_look.is_kept_by(pool.hub.clock.moment(look.at)) {
                continue;
            }
            if let Some(at) = sweep::look(&pool, &bucket, now) {
                self.plan(look.bucket, at);
            }
        }
    }

    fn make_room(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.hub.capacity.begin();
            self.room.make(&pool);
        }
    }

    /// Says farewell on a task of its own.
    fn close(&self, live: Arc<Live>, reason: CloseReason) {
        let farewells = Arc::clone(&self.farewells);
        let Some(hub) = self.pool.upgrade().map(|pool| Arc::clone(&pool.hub)) else {
            // The pool is gone; nobody listens, but the server still hears it.
            let timeout = PoolConfig::default().timeouts.close_timeout;
            tokio::spawn(async move { live.session.driver().close(timeout).await });
            return;
        };
        let tasks = hub.tasks.clone();
        tasks.spawn(async move {
            let _turn = farewells.acquire().await;
            let span = trace::close(&hub.config.name, &live.key, live.session.info());
            let farewell = live.session.driver().close(hub.close_timeout()).await;
            trace::note_closed(&span, reason, farewell);
            note_closed(&hub, &live, reason, farewell);
        });
    }
}

impl Drop for Closer {
    /// Without a closer nobody would end the waiting of those in line: the pool is closed then.
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.shut();
        }
    }
}

/// Sees to it that a session whose transport has ended is not handed out again.
fn expel(bucket: &Weak<Bucket>, id: u64) {
    let Some(bucket) = bucket.upgrade() else {
        return;
    };
    if let Some(live) = bucket.slots.expel(id) {
        bucket.hub.close(live, CloseReason::Lost);
        bucket.hub.begin_connects(&bucket);
    }
}

fn note_evicted(bucket: &Bucket) {
    let hub = &bucket.hub;
    if let Some(tools) = &hub.tools {
        tools.forget(&bucket.key);
    }
    Counters::add(&hub.counters.keys_evicted);
    hub.observe(|observer, pool| {
        observer.key_evicted(&crate::event::KeyEvicted {
            pool,
            key: &bucket.key,
            reason: bucket.chronicle.why_forgotten(),
        });
    });
}

fn note_closed(hub: &super::Hub, live: &Live, reason: CloseReason, farewell: CloseOutcome) {
    hub.counters.note_closed(reason);
    tracing::debug!(
        key = ?live.key,
        session = live.id,
        reason = reason.as_str(),
        farewell = farewell.as_str(),
        "session closed"
    );
    hub.observe(|observer, pool| {
        observer.closed(&crate::event::Closed {
            pool,
            key: &live.key,
            session: live.session.info(),
            reason,
            outcome: farewell,
            age: live.opened_at.elapsed(),
            uses: live.uses.load(std::sync::atomic::Ordering::Relaxed),
        });
    });
}

impl PartialEq for Look {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Look {}

impl PartialOrd for Look {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Look {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// Enough to close thousands in a second, few enough not to storm a server.
const FAREWELLS_AT_ONCE: usize = 64;

/// One look takes well under a microsecond.
const LOOKS_AT_ONCE: usize = 1_000;
