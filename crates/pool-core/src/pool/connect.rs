//! Opening sessions, on tasks of the pool's own.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    attempt::PendingAttempt,
    counters::Counters,
    dial::{Opened, dial},
    hub::{Hub, Message},
    limit::Place,
};
use crate::{
    bucket::{Ask, Blame, Bucket, Held, Live, NewLive},
    error::{AcquireError, ConnectError, Stage},
    event::CloseReason,
    extend::{Connector, Era},
    trace,
};

/// Begins one connect for which the key has set a place aside.
pub(crate) fn begin(bucket: &Arc<Bucket>, asker: u64, ask: Arc<Ask>) {
    let place = PlaceInKey {
        bucket: Arc::clone(bucket),
        asker,
        settled: false,
    };
    let hub = &bucket.hub;
    let Some(connector) = hub.connectors.get(bucket.key.transport()) else {
        let kind = bucket.key.transport().clone();
        return place.fail(&AcquireError::NoConnector(kind), Blame::Endpoint);
    };
    match PendingAttempt::admit(hub, &bucket.upstream) {
        Err(retry_after) => {
            place.fail(&AcquireError::CircuitOpen { retry_after }, Blame::Endpoint);
        }
        Ok(attempt) => {
            let job = Job {
                connector: Arc::clone(connector),
                attempt,
                place,
                ask,
            };
            hub.tasks.spawn_on(job.run(), &hub.runtime);
        }
    }
}

/// One connect.
struct Job {
    connector: Arc<dyn Connector>,
    attempt: PendingAttempt,
    place: PlaceInKey,
    ask: Arc<Ask>,
}

impl Job {
    async fn run(self) {
        let bucket = Arc::clone(&self.place.bucket);
        self.open().await;
        // Others may have come to stand in line, or a place may have come free again.
        bucket.hub.begin_connects(&bucket);
    }

    async fn open(self) {
        let Self {
            connector,
            attempt,
            place,
            ask,
        } = self;
        let hub = Arc::clone(&place.bucket.hub);
        let Some(room) = room(&place.bucket, &ask).await else {
            return;
        };
        if !place.bucket.slots.is_wanted() {
            return;
        }
        let (credential, now) = (&ask.credential, hub.clock.now());
        let bucket = &place.bucket;
        bucket.note_credential(&credential.headers, credential.ends_at, now);
        if bucket.newest.have_ended(now) {
            return place.fail(&AcquireError::CredentialExpired, Blame::Caller);
        }
        ask.enter(Stage::Connect);
        let span = trace::open(&hub.config.name, &place.bucket.key, &ask.trace);
        let generation = place.bucket.slots.generation();
        let began = Instant::now();
        match dial(&connector, &place.bucket, &ask).await {
            Ok(opened) => {
                attempt.succeeded();
                place.bucket.upstream.note_era(opened.session.info().era);
                let live = admissible(&place.bucket, opened, generation, room);
                trace::note_session(&span, live.session.info());
                note_connected(&hub, &live, began);
                place.admit(live);
            }
            Err(error) => {
                attempt.failed(&error);
                trace::note_error(&span, error.kind().label());
                ask.trace.connect_failed(error.kind().label());
                note_failed(&hub, &place.bucket, &error, began);
                let blame = match error.kind().is_about_credentials() {
                    true => Blame::Caller,
                    false => Blame::Endpoint,
                };
                let error = Arc::new(error);
                ask.note_cause(&error);
                place.fail(&AcquireError::Connect(error), blame);
            }
        }
    }
}

/// A place under `max_total_sessions`; `None` when the deadline passes first, or when nobody is left
/// in the line of the key.
async fn room(bucket: &Arc<Bucket>, ask: &Ask) -> Option<Place> {
    let hub = &bucket.hub;
    let key = Arc::clone(bucket);
    let still_wanted = Arc::new(move || key.slots.is_wanted());
    let line = match hub.capacity.sessions.ask(still_wanted) {
        Ok(place) => return Some(place),
        Err(line) => line,
    };
    ask.enter(Stage::Capacity);
    hub.want_room();
    timeout_at(ask.patience.deadline, line.stand()).await.ok()?
}

/// A session as a member of its key.
fn admissible(bucket: &Arc<Bucket>, opened: Opened, generation: u64, place: Place) -> Arc<Live> {
    let hub = &bucket.hub;
    let now = Instant::now();
    let era = opened.session.info().era;
    let ends_at = match era {
        Era::Legacy => hub.expiry.end_of_life(now, rand::random()),
        // There is nothing of it that could grow old.
        Era::Stateless => crate::expiry::after(now, Duration::MAX),
    };
    let live = Live::new(
        opened.session,
        NewLive {
            id: hub.new_id(),
            key: bucket.key.clone(),
            bucket: Arc::downgrade(bucket),
            hearing: opened.hearing,
            slots: bucket.slots_per_session.of(era),
            generation,
            opened_at: now,
            ends_at: hub.clock.moment(ends_at),
            place,
        },
    );
    let live = Arc::new(live);
    hub.registry.add(&live);
    bucket.chronicle.note_opened(live.id, hub.clock.moment(now));
    let (id, weak, closer) = (live.id, Arc::downgrade(bucket), hub.closer.downgrade());
    live.session.close_notifier().listen(move || {
        if let Some(closer) = closer.upgrade() {
            let _ = closer.send(Message::Lost(weak.clone(), id));
        }
    });
    live
}

fn note_connected(hub: &Hub, live: &Live, began: Instant) {
    Counters::add(&hub.counters.opened);
    tracing::debug!(key = ?live.key, session = live.id, "session opened");
    hub.observe(|observer, pool| {
        observer.connected(&crate::event::Connected {
            pool,
            key: &live.key,
            session: live.session.info(),
            took: began.elapsed(),
        });
    });
}

fn note_failed(hub: &Hub, bucket: &Bucket, error: &ConnectError, began: Instant) {
    bucket
        .chronicle
        .note_error(error.kind().label(), hub.clock.now());
    tracing::debug!(key = ?bucket.key, kind = error.kind().label(), "session not opened");
    hub.observe(|observer, pool| {
        observer.connect_failed(&crate::event::ConnectFailed {
            pool,
            key: &bucket.key,
            error,
            took: began.elapsed(),
        });
    });
}

/// A place under the key's limit, set aside for a connect under way.
struct PlaceInKey {
    bucket: Arc<Bucket>,
    asker: u64,
    settled: bool,
}

impl PlaceInKey {
    /// The place is taken by a session.
    fn admit(mut self, live: Arc<Live>) {
        self.settled = true;
        let hub = &self.bucket.hub;
        let ends_at = hub.clock.instant(live.ends_at);
        match self.bucket.slots.admit(Arc::clone(&live), hub.clock.now()) {
            Err(late) => {
                hub.close(late, CloseReason::Superseded);
                hub.look_for_room(&self.bucket);
            }
            Ok(served) => {
                if served.is_empty() {
                    hub.look_for_room(&self.bucket);
                }
                for (ask, slot) in served {
                    // Whoever is gone gives the slot back by dropping it.
                    drop(ask.give(Ok(Held::new(Arc::clone(&self.bucket), slot))));
                }
                hub.watch(&self.bucket, ends_at);
            }
        }
    }

    /// The place stays empty, and those who counted on it hear why.
    fn fail(mut self, error: &AcquireError, blame: Blame) {
        self.settled = true;
        for ask in self.abandon(blame) {
            let _ = ask.give(Err(error.clone()));
        }
    }

    fn abandon(&self, blame: Blame) -> Vec<Arc<Ask>> {
        let concerned = self.bucket.slots.abandon(self.asker, blame);
        self.bucket.hub.look_for_room(&self.bucket);
        concerned
    }
}

impl Drop for PlaceInKey {
    fn drop(&mut self) {
        if !self.settled {
            self.abandon(Blame::Nobody);
        }
    }
}
