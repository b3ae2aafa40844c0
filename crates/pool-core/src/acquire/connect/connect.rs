//! Opening sessions, on tasks of the pool's own.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    pool_session::{NewParts, pool_session},
    reports::{report_connected, report_failed, report_quota},
    share::open_session,
};
use crate::{
    error::{AcquireError, Stage},
    extend::Connector,
    key::{
        Blame, ConnectStarter, JobSender, KeyPool, Requester, Reservation, SessionGrant,
        SessionPermit, SessionSeeker, run,
    },
    limits::Requested,
    trace,
    upstream::{BreakerPermit, Holder, Refusal, admitted, admitted_now},
};

/// Starts the connects that a key wants, at once and as far as the limits allow.
pub(crate) struct Connects;

impl ConnectStarter for Connects {
    fn start(&self, key: &Arc<KeyPool>) {
        if !key.upstream.admits_at_once() {
            // The wait for the endpoint comes first: callers of other endpoints wait for capacity.
            while let Some(reservation) = Reservation::of(key) {
                begin(reservation, None);
            }
            return;
        }
        while self.start_one(key) {}
    }
}

impl Connects {
    /// Begins the connect of a permit that was granted to a key in a line. The key may have left it since,
    /// so where the connect fails at once, those who go on waiting get others.
    pub(crate) fn open(&self, grant: SessionGrant) {
        if let Some(key) = Self::begin(grant) {
            self.start(&key);
        }
    }

    /// Begins the connect of a permit that was granted. Returns its key where it fails at once.
    fn begin(grant: SessionGrant) -> Option<Arc<KeyPool>> {
        grant.seeker.note_served();
        let reservation = grant.need.downcast::<Reservation>().ok()?;
        let key = Arc::clone(&reservation.key);
        let is_begun = begin(*reservation, Some(grant.permit));
        (!is_begun).then_some(key)
    }

    /// Starts a connect under a free permit, or has the key wait for one. Returns whether it started
    /// one.
    fn start_one(&self, key: &Arc<KeyPool>) -> bool {
        let services = &key.services;
        let seeker: SessionSeeker = Arc::<KeyPool>::clone(key);
        match services.capacity.sessions.request(&seeker) {
            Requested::Granted(grant) => {
                drop(Self::begin(grant));
                true
            }
            Requested::InLine => {
                if services.capacity.sessions.shortage() <= 1 {
                    let now = services.context.clock.now();
                    services.capacity.pace.begin(now.nanos());
                }
                services.request_reclaim();
                false
            }
            Requested::AtQuota { quota, is_new } => {
                if is_new {
                    report_quota(key, &quota);
                }
                if !quota.is_exhausted() {
                    services.request_reclaim();
                }
                false
            }
            Requested::Nothing => false,
        }
    }
}

/// Begins a reserved connect, under a permit where there is one already. `false` where it fails at once.
pub(in crate::acquire) fn begin(reservation: Reservation, capacity: Option<SessionPermit>) -> bool {
    let key = Arc::clone(&reservation.key);
    let fail = |reservation: Reservation, error: &AcquireError, blame| {
        reservation.fail(error, blame);
        false
    };
    // All who wait count on the state that was lost.
    if key.history.take_lost() {
        return fail(reservation, &AcquireError::SessionLost, Blame::Loss);
    }
    let Some(jobs) = key.services.jobs.upgrade() else {
        return fail(reservation, &AcquireError::Closed, Blame::Endpoint);
    };
    let context = &key.services.context;
    let Some(connector) = context.connectors.get(key.key.transport()) else {
        let kind = key.key.transport().clone();
        let error = AcquireError::NoConnector(kind);
        return fail(reservation, &error, Blame::Endpoint);
    };
    let connect = Connect {
        connector: Arc::clone(connector),
        reservation,
        capacity,
        jobs,
    };
    context.spawn(connect.run());
    true
}

/// One connect.
struct Connect {
    connector: Arc<dyn Connector>,
    reservation: Reservation,
    /// The permit under `max_total_sessions`, where it was granted already.
    capacity: Option<SessionPermit>,
    /// Keeps the maintenance task alive, which closes the session in the end.
    jobs: JobSender,
}

/// What a connect needs before it may begin.
struct Admitted {
    permit: BreakerPermit,
    capacity: SessionPermit,
}

impl Connect {
    async fn run(mut self) {
        let key = Arc::clone(&self.reservation.key);
        match self.admission().await {
            Ok(Some(admitted)) => {
                self.connect(admitted).await;
                // More callers may have come, or capacity may be free again.
                Connects.start(&key);
            }
            // No caller waits any more, or the key joins the line of those that wait for capacity.
            Ok(None) => {
                drop(self);
                while Connects.start_one(&key) {}
            }
            Err(refusal) => {
                self.reservation.fail(&refusal.into(), Blame::Endpoint);
                Connects.start(&key);
            }
        }
    }

    /// What the connect needs; `None` when there is no free permit, the deadline passes first, or no
    /// caller waits for the key any more.
    async fn admission(&mut self) -> Result<Option<Admitted>, Refusal> {
        let key = &self.reservation.key;
        let capacity = self.capacity.take();
        if let Some(capacity) = capacity
            && let Some(permit) = admitted_now(&key.upstream, Holder::of(&key.key))
        {
            return Ok(Some(Admitted { permit, capacity }));
        }
        // The permit went back: callers of other endpoints need not wait for this one.
        let Some(permit) = self.permit().await? else {
            return Ok(None);
        };
        let sessions = &key.services.capacity.sessions;
        let capacity = sessions.take(key.member(), key.session_seats());
        Ok(capacity.map(|capacity| Admitted { permit, capacity }))
    }

    /// A permit to reach the endpoint; `None` when the deadline passes first, or when no caller waits
    /// for the key any more.
    async fn permit(&self) -> Result<Option<BreakerPermit>, Refusal> {
        let reservation = &self.reservation;
        let key = &reservation.key;
        let clock = &key.services.context.clock;
        let end = clock.instant(reservation.requester.deadline);
        reservation.enter(Stage::Circuit);
        let is_wanted = || key.has_waiters() && Instant::now() < end;
        let permit = admitted(&key.upstream, Holder::of(&key.key), end, is_wanted).await;
        reservation.enter(Stage::Queue);
        permit
    }

    async fn connect(self, admitted: Admitted) {
        let Self {
            connector,
            reservation,
            jobs,
            ..
        } = self;
        let Admitted {
            mut permit,
            capacity,
        } = admitted;
        let key = Arc::clone(&reservation.key);
        let context = &key.services.context;
        if !reservation.is_wanted() {
            return;
        }
        if !note_credential(&key, &reservation.requester) {
            return reservation.fail(&AcquireError::CredentialExpired, Blame::Caller);
        }
        reservation.enter(Stage::Connect);
        let asker = reservation.requester.trace.as_deref();
        let span = trace::open(&context.config.name, &key.key, asker);
        let generation = key.generation();
        let began = Instant::now();
        permit.begin();
        match open_session(&connector, &key, &reservation.requester).await {
            Ok(opened) => {
                match opened.is_revived {
                    // No request was sent.
                    true => drop(permit),
                    false => permit.succeeded(),
                }
                let new = NewParts {
                    generation,
                    capacity,
                    jobs,
                    began,
                };
                let is_revived = opened.is_revived;
                let pooled = pool_session(&key, opened, new);
                trace::note_session(&span, pooled.session.info());
                report_connected(context, &pooled, began, is_revived);
                reservation.admit(pooled, &Connects);
            }
            Err(error) => {
                drop(capacity);
                permit.failed(&error);
                key.upstream.doubt_settled(None).await;
                trace::note_error(&span, error.label());
                report_failed(&key, &error, began);
                reservation.fail_connect(error);
            }
        }
    }
}

/// Notes the credential that a session is opened with. `false` when it has expired.
fn note_credential(key: &Arc<KeyPool>, requester: &Requester) -> bool {
    let (credential, now) = (&requester.credential, key.services.context.clock.now());
    run(
        key,
        key.note_credential(&credential.headers, || credential.ends_at, now),
    );
    !key.credentials.have_ended(now)
}
