//! The server that the replicas share, and what it checks.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_pool_core::extend::{FleetKey, FleetMark};
use serde::Serialize;

/// What happened in the worlds of replicas.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(in super::super) struct FleetCounts {
    pub(in super::super) worlds: u64,
    pub(in super::super) calls: u64,
    pub(in super::super) opened: u64,
    pub(in super::super) revived: u64,
    /// Exclusive sessions that went to another holder.
    pub(in super::super) moved: u64,
    /// Steps of the directory that failed, or whose answer was lost.
    pub(in super::super) failed_steps: u64,
    pub(in super::super) revocations: u64,
}

impl FleetCounts {
    pub(in super::super) fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.calls += other.calls;
        self.opened += other.opened;
        self.revived += other.revived;
        self.moved += other.moved;
        self.failed_steps += other.failed_steps;
        self.revocations += other.revocations;
    }
}

/// The server of a world. All clones are one.
#[derive(Clone, Default)]
pub(super) struct Model(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) sessions: Vec<SimulatedSession>,
    /// The marks of each key that was claimed.
    marks: HashMap<FleetKey, Vec<FleetMark>>,
    /// The number of the latest process that uses a session.
    incarnations: u64,
    /// The number of the latest call or revocation.
    pub(super) sequence: u64,
    pub(super) counts: FleetCounts,
    pub(super) violation: Option<(&'static str, String)>,
}

/// A session of the server.
pub(super) struct SimulatedSession {
    pub(super) user: String,
    pub(super) is_exclusive: bool,
    pub(super) is_open: bool,
    /// What a revocation selects it by, once it is recorded.
    marks: Vec<FleetMark>,
    /// True once the directory has revoked one of its marks.
    pub(super) is_revoked: bool,
    /// When a replica has revoked its user, by the numbers of calls.
    revoked_at: HashMap<usize, u64>,
    holder: Option<u64>,
    former: HashSet<u64>,
}

/// A session that a replica uses.
#[derive(Clone, Copy)]
pub(super) struct Use {
    pub(super) session: usize,
    pub(super) replica: usize,
    /// Another one for each time that a session is opened or revived.
    pub(super) incarnation: u64,
}

impl Model {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A number that is higher than those before.
    pub(super) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(super) fn open(&mut self, user: &str, is_exclusive: bool, replica: usize) -> Use {
        self.counts.opened += 1;
        self.sessions.push(SimulatedSession {
            user: user.to_owned(),
            is_exclusive,
            is_open: true,
            marks: Vec::new(),
            is_revoked: false,
            revoked_at: HashMap::new(),
            holder: None,
            former: HashSet::new(),
        });
        self.go_on(self.sessions.len() - 1, replica)
    }

    pub(super) fn go_on(&mut self, session: usize, replica: usize) -> Use {
        self.incarnations += 1;
        Use {
            session,
            replica,
            incarnation: self.incarnations,
        }
    }

    /// Notes that a replica begins: it does not know what the one before it has revoked on its own.
    pub(super) fn begin(&mut self, replica: usize) {
        for session in &mut self.sessions {
            session.revoked_at.remove(&replica);
        }
    }

    /// Executes a call that began at this number. False: the session is not known.
    pub(super) fn call(&mut self, using: Use, began: u64) -> bool {
        self.counts.calls += 1;
        let session = &mut self.sessions[using.session];
        if !session.is_open {
            return false;
        }
        let revoked = session.revoked_at.get(&using.replica);
        let is_late = revoked.is_some_and(|revoked| began > *revoked);
        let holder = using.incarnation;
        let mut broken = is_late.then_some("revoked_session_used");
        if session.is_exclusive && session.holder != Some(holder) {
            if session.former.contains(&holder) {
                broken = Some("two_holders");
            }
            if let Some(before) = session.holder.replace(holder) {
                session.former.insert(before);
                self.counts.moved += 1;
            }
        }
        if let Some(name) = broken {
            let (session, replica) = (using.session, using.replica);
            self.violate(name, format!("session {session} at replica {replica}"));
        }
        true
    }

    /// Notes the marks of a key, which its claims name.
    pub(super) fn note_marks(&mut self, key: FleetKey, marks: &[FleetMark]) {
        self.marks.insert(key, marks.to_vec());
    }

    /// Notes that the directory has a session of this key.
    pub(super) fn note_recorded(&mut self, session: usize, key: &FleetKey) {
        let marks = self.marks.get(key).cloned();
        self.sessions[session].marks = marks.unwrap_or_default();
    }

    /// Notes that the directory has revoked a mark.
    pub(super) fn revoke_in_directory(&mut self, mark: &FleetMark) {
        let sessions = self.sessions.iter_mut();
        for session in sessions.filter(|it| it.marks.contains(mark)) {
            session.is_revoked = true;
        }
    }

    /// The sessions of a user so far.
    pub(super) fn sessions_of(&self, user: &str) -> Vec<usize> {
        let sessions = self.sessions.iter().enumerate();
        let own = sessions.filter(|(_, it)| it.user == user);
        own.map(|(number, _)| number).collect()
    }

    /// Notes that a replica has revoked these sessions.
    pub(super) fn revoke_at(&mut self, replica: usize, sessions: &[usize]) {
        let number = self.next();
        for session in sessions {
            let session = &mut self.sessions[*session];
            session.revoked_at.entry(replica).or_insert(number);
        }
    }

    pub(super) fn violate(&mut self, name: &'static str, detail: String) {
        self.violation.get_or_insert((name, detail));
    }
}
