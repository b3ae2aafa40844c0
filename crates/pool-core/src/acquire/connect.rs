//! Opening sessions, on tasks of the pool's own.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::open_session::{OpenedSession, open_session};
use crate::{
    context::{Context, Counters},
    error::{AcquireError, ConnectError, Stage},
    extend::{ConnectFailed, Connected, Connector},
    key::{
        Blame, ConnectStarter, Job, JobSender, KeyPool, NewSession, PooledSession, Waiter, run,
        run_with,
    },
    limits::Permit,
    trace,
    upstream::{BreakerPermit, Holder, Refusal, admitted},
};

/// Starts the connects that a key wants, at once and as far as its limit allows.
pub(crate) struct Connects;

impl ConnectStarter for Connects {
    fn start(&self, key: &Arc<KeyPool>) {
        while let Some((requester, waiter)) = key.reserve_connect() {
            let guard = ConnectGuard {
                key: Arc::clone(key),
                requester,
                is_settled: false,
            };
            // All who wait count on the state that was lost.
            if key.history.take_lost() {
                guard.fail(&AcquireError::SessionLost, Blame::Endpoint);
                continue;
            }
            match key.services.jobs.upgrade() {
                Some(jobs) => start(guard, jobs, waiter),
                None => guard.fail(&AcquireError::Closed, Blame::Endpoint),
            }
        }
    }
}

fn start(guard: ConnectGuard, jobs: JobSender, waiter: Arc<Waiter>) {
    let key = &guard.key;
    let context = Arc::clone(&key.services.context);
    let Some(connector) = context.connectors.get(key.key.transport()) else {
        let kind = key.key.transport().clone();
        return guard.fail(&AcquireError::NoConnector(kind), Blame::Endpoint);
    };
    let connect = Connect {
        connector: Arc::clone(connector),
        guard,
        jobs,
        waiter,
    };
    context.tasks.spawn_on(connect.run(), &context.runtime);
}

/// One connect.
struct Connect {
    connector: Arc<dyn Connector>,
    guard: ConnectGuard,
    /// Keeps the maintenance task alive, which closes the session in the end.
    jobs: JobSender,
    /// The caller that the connect is for, though others may get its session.
    waiter: Arc<Waiter>,
}

impl Connect {
    async fn run(self) {
        let key = Arc::clone(&self.guard.key);
        self.connect().await;
        // More callers may have come, or capacity may be free again.
        Connects.start(&key);
    }

    async fn connect(self) {
        let Self {
            connector,
            guard,
            jobs,
            waiter,
        } = self;
        let key = Arc::clone(&guard.key);
        let context = &key.services.context;
        // Before the capacity, which callers of other endpoints wait for.
        let mut permit = match permit(&key, &waiter).await {
            Ok(Some(permit)) => permit,
            Ok(None) => return,
            Err(refusal) => return guard.fail(&refusal.into(), Blame::Endpoint),
        };
        let Some(capacity) = capacity(&key, &waiter).await else {
            return;
        };
        if !key.has_waiters() {
            return;
        }
        let (credential, now) = (&waiter.credential, context.clock.now());
        run(
            &key,
            key.note_credential(&credential.headers, credential.ends_at, now),
        );
        if key.credentials.have_ended(now) {
            return guard.fail(&AcquireError::CredentialExpired, Blame::Caller);
        }
        waiter.enter(Stage::Connect);
        let span = trace::open(&context.config.name, &key.key, &waiter.trace);
        let generation = key.generation();
        let began = Instant::now();
        permit.begin();
        match open_session(&connector, &key, &waiter).await {
            Ok(opened) => {
                permit.succeeded();
                let new = Admitted {
                    generation,
                    capacity,
                    jobs,
                };
                let pooled = pool_session(&key, opened, new);
                trace::note_session(&span, pooled.session.info());
                report_connected(context, &pooled, began);
                guard.admit(pooled);
            }
            Err(error) => {
                permit.failed(&error);
                key.upstream.doubt_settled().await;
                trace::note_error(&span, error.label());
                report_failed(&key, &error, began);
                guard.fail_connect(error, &waiter);
            }
        }
    }
}

/// A permit to reach the endpoint; `None` when the deadline passes first, or when no caller waits for
/// the key any more.
async fn permit(key: &Arc<KeyPool>, waiter: &Waiter) -> Result<Option<BreakerPermit>, Refusal> {
    waiter.enter(Stage::Circuit);
    let end = waiter.deadline.at;
    let is_wanted = || key.has_waiters() && Instant::now() < end;
    let permit = admitted(&key.upstream, Holder::of(&key.key), end, is_wanted).await;
    waiter.enter(Stage::Queue);
    permit
}

/// A permit under `max_total_sessions`; `None` when the deadline passes first, or when no caller
/// waits for the key any more.
async fn capacity(key: &Arc<KeyPool>, waiter: &Waiter) -> Option<Permit> {
    let services = &key.services;
    let wanted = Arc::clone(key);
    let still_wanted = Arc::new(move || wanted.has_waiters());
    let queued = match services.capacity.sessions.acquire(still_wanted) {
        Ok(permit) => return Some(permit),
        Err(queued) => queued,
    };
    waiter.enter(Stage::Capacity);
    services.request_reclaim();
    timeout_at(waiter.deadline.at, queued.wait()).await.ok()?
}

/// What a connect has for the session that it opens.
struct Admitted {
    generation: u64,
    capacity: Permit,
    jobs: JobSender,
}

/// Makes an opened session a session of its key.
fn pool_session(
    key: &Arc<KeyPool>,
    opened: OpenedSession,
    admitted: Admitted,
) -> Arc<PooledSession> {
    let services = &key.services;
    let context = &services.context;
    let now = Instant::now();
    let era = opened.session.info().era;
    key.upstream.set_era(era);
    let new = NewSession {
        id: context.new_id(),
        key: key.key.clone(),
        proxy: opened.proxy,
        claim: opened.claim,
        history: Arc::clone(&key.history),
        sharing: key.sharing(opened.session.info()),
        generation: admitted.generation,
        opened_at: now,
        ends_at: context.end_of_life(era, now),
        permit: admitted.capacity,
    };
    let pooled = Arc::new(PooledSession::new(opened.session, new));
    services.sessions.add(&pooled, admitted.jobs);
    key.history
        .session_opened(pooled.id, context.clock.timestamp(now));
    let (id, name, jobs) = (pooled.id, key.key.clone(), services.jobs.clone());
    pooled
        .session
        .close_notifier()
        .listen(move || jobs.send(Job::SessionEnded(name.clone(), id)));
    pooled
}

fn report_connected(context: &Context, pooled: &PooledSession, began: Instant) {
    Counters::add(&context.counters.opened);
    tracing::debug!(key = ?pooled.key, session = pooled.id, "session opened");
    context.events.emit(|observer, pool| {
        observer.connected(&Connected {
            pool,
            key: &pooled.key,
            session: pooled.session.info(),
            took: began.elapsed(),
        });
    });
}

fn report_failed(key: &KeyPool, error: &ConnectError, began: Instant) {
    let context = &key.services.context;
    key.history.failed(error.label(), context.clock.now());
    tracing::debug!(key = ?key.key, kind = error.label(), "connect failed");
    context.events.emit(|observer, pool| {
        observer.connect_failed(&ConnectFailed {
            pool,
            key: &key.key,
            error,
            took: began.elapsed(),
        });
    });
}

/// The guard of a reserved connect under the key's limit. Dropped before it is settled, it fails no
/// waiter.
struct ConnectGuard {
    key: Arc<KeyPool>,
    requester: u64,
    is_settled: bool,
}

impl ConnectGuard {
    /// Gives the reserved connect to a session.
    fn admit(mut self, session: Arc<PooledSession>) {
        self.is_settled = true;
        run_with(&self.key, self.key.admit(session), &Connects);
    }

    /// Ends the reserved connect with the error of its connector.
    fn fail_connect(self, error: ConnectError, waiter: &Waiter) {
        waiter.trace.connect_failed(error.label());
        let blame = match error.kind().is_about_credentials() {
            true => Blame::Caller,
            false => Blame::Endpoint,
        };
        let error = Arc::new(error);
        waiter.set_cause(&error);
        self.fail(&AcquireError::Connect(error), blame);
    }

    /// Ends the reserved connect and fails the waiters that it was for.
    fn fail(mut self, error: &AcquireError, blame: Blame) {
        self.is_settled = true;
        let effects = self.key.abandon(self.requester, blame, Some(error));
        run(&self.key, effects);
    }
}

impl Drop for ConnectGuard {
    fn drop(&mut self) {
        if !self.is_settled {
            let effects = self.key.abandon(self.requester, Blame::None, None);
            run(&self.key, effects);
        }
    }
}
