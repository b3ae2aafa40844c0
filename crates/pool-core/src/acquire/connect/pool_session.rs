//! How an opened session becomes one of its key.

use std::sync::Arc;

use tokio::time::Instant;

use super::open_session::OpenedSession;
use crate::{
    context::Context,
    extend::Session,
    key::{Job, JobSender, KeyPool, NewSession, PooledSession, SessionPermit},
    time::Timestamp,
};

/// What a connect has for the session that it opens.
pub(super) struct NewParts {
    pub(super) generation: u64,
    pub(super) capacity: SessionPermit,
    pub(super) jobs: JobSender,
    /// When the opening began.
    pub(super) began: Instant,
}

/// Makes an opened session a session of its key.
pub(super) fn pool_session(
    key: &Arc<KeyPool>,
    opened: OpenedSession,
    parts: NewParts,
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
        owner: Arc::downgrade(key) as _,
        sharing: key.sharing(opened.session.info()),
        generation: parts.generation,
        opened_at: now,
        ends_at: ends_at(context, &opened.session, now),
        permit: parts.capacity,
        opening: now - parts.began,
        farewells: Arc::clone(&key.upstream.farewells),
    };
    let pooled = Arc::new(PooledSession::new(opened.session, new));
    services.sessions.add(&pooled, parts.jobs);
    // After the session is listed: a quota that is set meanwhile finds it there, or is found here.
    if let Some(seats) = key.session_seats() {
        pooled.join_quotas(&services.capacity.sessions, seats);
    }
    key.history
        .session_opened(pooled.id, context.clock.timestamp(now));
    let (ended, jobs) = (Arc::downgrade(&pooled), services.jobs.clone());
    pooled.session.close_notifier().listen(move || {
        if let Some(pooled) = ended.upgrade() {
            pooled.note_ended();
            jobs.send(Job::SessionEnded(pooled.key.clone(), pooled.id));
        }
    });
    pooled
}

/// The end of a session's life, which a session of the fleet takes along.
fn ends_at(context: &Context, session: &Session, now: Instant) -> Timestamp {
    match session.held() {
        Some(held) => context.clock.timestamp(held.ends_at),
        None => context.end_of_life(session.info().era, now),
    }
}
