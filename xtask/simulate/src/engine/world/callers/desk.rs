//! What the callers of a world hold and wait for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_pool_core::{
    Lease, PoolConfig, PooledClient,
    error::{AcquireError, ConnectError, Stage},
};
use mcp_pool_testkit::fake::{OpenSession, Remote, session_number};
use tokio::{task::AbortHandle, time::Instant};

use super::super::super::{
    coverage::Sometimes,
    history::{Event, History},
    oracle::{Credentials, Evictions, Ledger, Reported, Usage},
};
use super::people::Caller;

/// What the callers of a world hold and wait for. All clones are one desk.
///
/// No method calls into the pool while it holds the lock.
#[derive(Clone)]
pub(in super::super) struct Desk {
    pub(in super::super) history: History,
    pub(in super::super) remote: Remote,
    rules: Rules,
    pub(super) usage: Usage,
    state: Arc<Mutex<State>>,
}

/// The parts of the configuration that a lease is checked with.
#[derive(Clone, Copy)]
pub(in super::super) struct Rules {
    /// True where a session serves more than one lease.
    reuses: bool,
    /// True where keys keep sessions ready.
    keeps_ready: bool,
    session_ttl: Duration,
}

/// What is under the lock of a desk.
pub(in super::super) struct State {
    next_id: u64,
    pub(in super::super) pending: BTreeMap<u64, Pending>,
    pub(in super::super) leases: Vec<Held>,
    pub(in super::super) clients: Vec<Client>,
    pub(in super::super) evictions: Evictions,
    pub(in super::super) ledger: Ledger,
    credentials: Credentials,
    /// When the last jump of the clock ended.
    pub(in super::super) landed: Instant,
    last_failure: Option<Arc<ConnectError>>,
}

/// A task that has not ended.
#[derive(Clone)]
pub(in super::super) struct Pending {
    pub(in super::super) abort: Option<AbortHandle>,
    /// When it must have ended; `None` before it runs.
    pub(in super::super) deadline: Option<Instant>,
    pub(in super::super) caller: Arc<Caller>,
    pub(in super::super) is_acquire: bool,
}

/// A lease in the hands of a caller.
pub(in super::super) struct Held {
    pub(in super::super) lease: Lease,
    pub(in super::super) caller: Arc<Caller>,
    _use: Use,
}

/// A use of a session; ends when it is dropped.
struct Use {
    session: u64,
    usage: Usage,
}

/// A pooled client and its caller.
#[derive(Clone)]
pub(in super::super) struct Client {
    pub(in super::super) client: PooledClient,
    pub(in super::super) caller: Arc<Caller>,
}

impl Desk {
    pub(in super::super) fn new(history: History, remote: Remote, rules: Rules) -> Self {
        let state = State {
            next_id: 1,
            pending: BTreeMap::new(),
            leases: Vec::new(),
            clients: Vec::new(),
            evictions: Evictions::default(),
            ledger: Ledger::default(),
            credentials: Credentials::default(),
            landed: Instant::now(),
            last_failure: None,
        };
        Self {
            history,
            remote,
            rules,
            usage: Usage::default(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(in super::super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a task that is about to run. Returns its number.
    pub(in super::super) fn begin(&self, caller: &Arc<Caller>, is_acquire: bool) -> u64 {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        let pending = Pending {
            abort: None,
            deadline: None,
            caller: Arc::clone(caller),
            is_acquire,
        };
        state.pending.insert(id, pending);
        id
    }

    /// Keeps the handle that cancels a task.
    pub(in super::super) fn attach(&self, id: u64, abort: AbortHandle) {
        if let Some(pending) = self.lock().pending.get_mut(&id) {
            pending.abort = Some(abort);
        }
    }

    /// The task runs now, and must end within `limit`.
    pub(in super::super) fn started(&self, id: u64, caller: &Caller, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        state.credentials.note(caller.user, caller.ends_at);
        if let Some(pending) = state.pending.get_mut(&id) {
            pending.deadline = Some(deadline);
        }
    }

    /// The task ends now.
    pub(in super::super) fn ended(&self, id: u64) {
        let mut state = self.lock();
        let landed = state.landed;
        let Some(deadline) = state.pending.remove(&id).and_then(|task| task.deadline) else {
            return;
        };
        drop(state);
        // A jump of the clock passes deadlines that are met as soon as it ends.
        let late = Instant::now().saturating_duration_since(deadline.max(landed));
        if late > TICK {
            let detail = || format!("#{id} ended {late:?} after its deadline");
            self.history.violate("late", detail);
        }
    }

    /// A caller gets a lease; checks that it may have it.
    pub(in super::super) fn take(&self, id: u64, caller: &Arc<Caller>, lease: Lease) {
        let session = session_number(lease.info()).unwrap_or_default();
        self.history.note(&Event::Got(id, session));
        let (is_fresh, uses) = (lease.is_fresh(), self.usage.begin(session));
        let held = Held {
            _use: Use {
                session,
                usage: self.usage.clone(),
            },
            caller: Arc::clone(caller),
            lease,
        };
        let violate = |name, detail: &str| {
            self.history
                .violate(name, || format!("#{id} got session {session}: {detail}"));
        };
        match self.remote.session(session) {
            None => violate("closed_session", "the server has closed it"),
            Some(open) if open.closing => violate("closed_session", "it is being closed"),
            Some(open) if !caller.owns(&open.key) => violate("other_key", "it has another key"),
            Some(open) if self.lock().evictions.is_barred(open.connect) => {
                violate("evicted_session", "it was evicted before");
            }
            Some(open) if self.lock().evictions.is_ended(open.connect) => {
                violate("ended_session", "its end was reported before");
            }
            // A session that was opened for the caller is the caller's, however late it comes.
            Some(open) if !is_fresh && self.has_expired(&open) => {
                violate("expired_session", "its life has ended");
            }
            Some(open) if caller.is_extracted(&open.key) && self.has_no_credential(caller) => {
                violate("ended_credential", "every credential of the user has ended");
            }
            Some(_) => {}
        }
        if uses.held > caller.slots {
            let detail = format!("{} leases of {} slots", uses.held, caller.slots);
            violate("slots", &detail);
        }
        if uses.ever > 1 && !self.rules.reuses {
            violate("reused", "pooling is off, and another lease had it");
        }
        if uses.ever == 1 && !is_fresh && self.rules.keeps_ready {
            self.history.reach(Sometimes::ReadySession);
        }
        if uses.held > 1 {
            self.history.reach(Sometimes::SharedSession);
        }
        self.lock().leases.push(held);
    }

    fn has_expired(&self, session: &OpenSession) -> bool {
        session.opened_at + self.rules.session_ttl <= Instant::now()
    }

    fn has_no_credential(&self, caller: &Caller) -> bool {
        self.lock().credentials.have_ended(caller.user)
    }

    /// An acquire failed.
    pub(in super::super) fn fail(&self, id: u64, error: &AcquireError) {
        self.history.note(&Event::Failed(id, error.label()));
        let reached = match error {
            AcquireError::CircuitOpen { .. } => Sometimes::BreakerRefused,
            AcquireError::CredentialExpired => Sometimes::CredentialEnded,
            AcquireError::Identity(_) => Sometimes::ExtractFailed,
            AcquireError::Quota { quota, .. } if quota.is_of_calls() => {
                Sometimes::CallQuotaTimedOut
            }
            AcquireError::Quota { .. } => Sometimes::QuotaTimedOut,
            AcquireError::Timeout { stage, .. } => match stage {
                Stage::Capacity => Sometimes::CapacityTimedOut,
                Stage::Check => Sometimes::CheckTimedOut,
                Stage::Connect => Sometimes::ConnectTimedOut,
                Stage::Identity => Sometimes::IdentityTimedOut,
                _ => Sometimes::QueueTimedOut,
            },
            AcquireError::Connect(error) => {
                let last = self.lock().last_failure.replace(Arc::clone(error));
                match last.is_some_and(|last| Arc::ptr_eq(&last, error)) {
                    true => Sometimes::ConnectFailedWaiters,
                    false => return,
                }
            }
            _ => return,
        };
        self.history.reach(reached);
    }

    /// A call ended, or its caller left it.
    pub(in super::super) fn report(&self, call: u64, reported: Reported) {
        let text = match reported {
            Reported::Answered => "answered",
            Reported::NotExecuted => "not executed",
            Reported::Unknown => "unknown",
            Reported::Dropped => "dropped",
        };
        self.history.note(&Event::Called(call, text));
        self.lock().ledger.report(call, reported);
        let arrivals = self.judge(call);
        let reached = match (reported, arrivals) {
            (Reported::NotExecuted, _) => Sometimes::NotExecuted,
            (Reported::Answered, 2..) => Sometimes::Repeated,
            (Reported::Unknown, 0) => Sometimes::OutcomeUnknownNotExecuted,
            (Reported::Unknown, _) => Sometimes::OutcomeUnknownExecuted,
            _ => return,
        };
        self.history.reach(reached);
    }
}

impl Rules {
    pub(in super::super) fn of(config: &PoolConfig) -> Self {
        Self {
            reuses: config.enabled,
            keeps_ready: config.limits.min_idle_per_key > 0,
            session_ttl: config.timeouts.session_ttl,
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.usage.end(self.session);
    }
}

/// The name of the tool of a call.
pub(in super::super) fn tool(call: u64) -> String {
    format!("call-{call}")
}

/// The resolution of tokio's timers.
pub(super) const TICK: Duration = Duration::from_millis(1);
