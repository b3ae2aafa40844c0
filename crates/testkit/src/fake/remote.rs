//! The remote control of a fake connector.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_pool_core::{
    Endpoint,
    error::FaultKind,
    extend::{CloseNotifier, Support},
};
use rmcp::{RoleClient, model::ServerNotification, service::RxJsonRpcMessage};
use tokio::sync::{mpsc, watch};

/// How a step of the fake goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// It fails at once.
    Fail(FaultKind),
    /// It does not end until another behaviour is set, and then goes as that says.
    Never,
    /// It succeeds at once.
    Ok,
    /// It succeeds after this time.
    Slow(Duration),
}

/// Drives a fake connector, and sees what becomes of its sessions. All clones drive the same one.
#[derive(Clone, Debug)]
pub struct Remote {
    pub(super) connect: watch::Sender<Behaviour>,
    pub(super) check: watch::Sender<Behaviour>,
    pub(super) close: watch::Sender<Behaviour>,
    pub(super) call: watch::Sender<Behaviour>,
    pub(super) detect: watch::Sender<Behaviour>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) answer: Option<Support>,
    pub(super) next_id: u64,
    pub(super) sessions: BTreeMap<u64, Record>,
    pub(super) connects: usize,
    pub(super) connecting: usize,
    pub(super) closed: usize,
    pub(super) checks: usize,
    pub(super) calls: usize,
    pub(super) lists: usize,
    pub(super) detections: usize,
    pub(super) most_open: usize,
    pub(super) next_faults: VecDeque<FaultKind>,
}

/// The way to a session's client.
pub(super) type Line = mpsc::UnboundedSender<RxJsonRpcMessage<RoleClient>>;

/// What the fake server knows of a session.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) endpoint: Endpoint,
    pub(super) alarm: CloseNotifier,
    pub(super) calls: usize,
    pub(super) lost: bool,
    /// The way to the session's client, once it has one.
    pub(super) line: Option<Line>,
}

/// A connect under way.
pub(super) struct Connecting(Remote);

impl Remote {
    pub(super) fn new() -> Self {
        let ok = || watch::Sender::new(Behaviour::Ok);
        Self {
            connect: ok(),
            check: ok(),
            close: ok(),
            call: ok(),
            detect: ok(),
            state: Arc::default(),
        }
    }

    /// How connects go from now on; those under way go on as they began.
    pub fn on_connect(&self, behaviour: Behaviour) {
        self.connect.send_replace(behaviour);
    }

    /// One connect fails, whatever else is set; asked once more, the next one after it does.
    pub fn fail_next_connect(&self, kind: FaultKind) {
        self.lock().next_faults.push_back(kind);
    }

    /// How health checks go.
    pub fn on_check(&self, behaviour: Behaviour) {
        self.check.send_replace(behaviour);
    }

    /// How farewells go.
    pub fn on_close(&self, behaviour: Behaviour) {
        self.close.send_replace(behaviour);
    }

    /// How calls go: `Ok` answers a `tools/call` with the number of calls of its session, and
    /// `Fail` fails the transport without saying whether the call was executed.
    pub fn on_call(&self, behaviour: Behaviour) {
        self.call.send_replace(behaviour);
    }

    /// How detections go; what those say that succeed, [`answer_detections`](Self::answer_detections)
    /// sets.
    pub fn on_detect(&self, behaviour: Behaviour) {
        self.detect.send_replace(behaviour);
    }

    /// What the connector says when it is asked whether its transport is spoken somewhere. Default:
    /// that it cannot tell.
    pub fn answer_detections(&self, answer: Support) {
        self.lock().answer = Some(answer);
    }

    /// The server forgets a session: calls on it are refused as unknown, as they would be after a
    /// restart. Returns how many sessions it were.
    pub fn forget_sessions(&self) -> usize {
        let mut state = self.lock();
        let mut forgotten = 0;
        for record in state.sessions.values_mut().filter(|record| !record.lost) {
            record.lost = true;
            forgotten += 1;
        }
        forgotten
    }

    /// The server ends every session, and the transport reports it at once.
    pub fn end_sessions(&self) {
        let alarms: Vec<_> = {
            let mut state = self.lock();
            let records = state.sessions.values_mut();
            records
                .map(|record| {
                    record.lost = true;
                    record.alarm.clone()
                })
                .collect()
        };
        for alarm in alarms {
            alarm.notify();
        }
    }

    /// The server says something of its own accord, to every session.
    pub fn say(&self, notification: &ServerNotification) {
        for record in self.lock().sessions.values() {
            let said = RxJsonRpcMessage::<RoleClient>::notification(notification.clone());
            if let Some(line) = &record.line {
                let _ = line.send(said);
            }
        }
    }

    pub(super) fn note_detection(&self) {
        self.lock().detections += 1;
    }

    pub(super) fn answer(&self) -> Support {
        self.lock().answer.unwrap_or(Support::Unknown)
    }

    pub(super) fn begin_connect(&self) -> Connecting {
        let mut state = self.lock();
        state.connects += 1;
        state.connecting += 1;
        state.note_open();
        Connecting(self.clone())
    }

    pub(super) fn admit(&self, endpoint: &Endpoint, alarm: &CloseNotifier) -> u64 {
        let mut state = self.lock();
        state.next_id += 1;
        let id = state.next_id;
        let record = Record {
            endpoint: endpoint.clone(),
            alarm: alarm.clone(),
            calls: 0,
            lost: false,
            line: None,
        };
        state.sessions.insert(id, record);
        id
    }

    pub(super) fn next_fault(&self) -> Option<FaultKind> {
        self.lock().next_faults.pop_front()
    }

    pub(super) fn note_line(&self, id: u64, line: Line) {
        if let Some(record) = self.lock().sessions.get_mut(&id) {
            record.line = Some(line);
        }
    }

    pub(super) fn note_list(&self) {
        self.lock().lists += 1;
    }

    pub(super) fn note_check(&self) {
        self.lock().checks += 1;
    }

    pub(super) fn note_closed(&self, id: u64) {
        let mut state = self.lock();
        if state.sessions.remove(&id).is_some() {
            state.closed += 1;
        }
    }

    /// Counts a call. Returns the session's number of calls, or `None` when the server does not
    /// know it.
    pub(super) fn note_call(&self, id: u64) -> Option<usize> {
        let mut state = self.lock();
        let record = state.sessions.get_mut(&id).filter(|record| !record.lost)?;
        record.calls += 1;
        let calls = record.calls;
        state.calls += 1;
        Some(calls)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_open(&mut self) {
        let open = self.sessions.len() + self.connecting;
        self.most_open = self.most_open.max(open);
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.lock().connecting -= 1;
    }
}

/// Waits until a step goes on, and says how it goes.
///
/// # Errors
/// With the fault that the step is to fail with.
pub(super) async fn play(step: &watch::Sender<Behaviour>) -> Result<(), FaultKind> {
    let mut step = step.subscribe();
    let behaviour = step.wait_for(|now| *now != Behaviour::Never).await;
    let behaviour = behaviour.map_or(Behaviour::Never, |now| now.clone());
    match behaviour {
        Behaviour::Ok => Ok(()),
        Behaviour::Slow(pause) => {
            tokio::time::sleep(pause).await;
            Ok(())
        }
        Behaviour::Fail(kind) => Err(kind),
        // The remote control is gone, and with it whoever could have set another behaviour.
        Behaviour::Never => futures::future::pending().await,
    }
}
