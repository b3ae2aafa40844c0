//! The remote control of a fake connector.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_pool_core::{
    Endpoint, PoolKey,
    error::FaultKind,
    extend::{CloseNotifier, ConnectRequest, Support},
};
use rmcp::{RoleClient, model::ServerNotification, service::RxJsonRpcMessage};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    behaviour::Behaviour,
    ledger::Ledger,
    load::{Listener, Load},
};

/// Controls a fake connector and counts its sessions. All clones control the same connector.
#[derive(Clone, Debug)]
pub struct Remote {
    pub(super) connect: watch::Sender<Behaviour>,
    pub(super) check: watch::Sender<Behaviour>,
    pub(super) close: watch::Sender<Behaviour>,
    pub(super) call: watch::Sender<Behaviour>,
    pub(super) delivery: watch::Sender<Behaviour>,
    pub(super) detect: watch::Sender<Behaviour>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) answer: Option<Support>,
    pub(super) concurrent_calls: Option<u32>,
    pub(super) next_id: u64,
    pub(super) sessions: BTreeMap<u64, Record>,
    pub(super) connects: usize,
    /// The keys of the connects under way, by the number of the connect.
    pub(super) connecting: BTreeMap<usize, PoolKey>,
    pub(super) closed: usize,
    pub(super) checks: usize,
    pub(super) checking: usize,
    pub(super) calls: usize,
    pub(super) lists: usize,
    pub(super) detections: usize,
    pub(super) next_faults: VecDeque<FaultKind>,
    pub(super) ledger: Ledger,
    listener: Listener,
}

/// Sends messages to a session's client.
pub(super) type ClientSender = mpsc::UnboundedSender<RxJsonRpcMessage<RoleClient>>;

/// A session of the fake server.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) endpoint: Endpoint,
    pub(super) key: PoolKey,
    /// The number of the connect that opened it.
    pub(super) connect: usize,
    pub(super) opened_at: Instant,
    pub(super) notifier: CloseNotifier,
    pub(super) calls: usize,
    pub(super) lost: bool,
    pub(super) closing: bool,
    /// Set once the session has a client.
    pub(super) client: Option<ClientSender>,
}

/// A connect under way; ends when it is dropped.
pub(super) struct Connecting {
    remote: Remote,
    number: usize,
    endpoint: Endpoint,
    key: PoolKey,
}

impl Remote {
    pub(super) fn new() -> Self {
        let ok = || watch::Sender::new(Behaviour::Ok);
        Self {
            connect: ok(),
            check: ok(),
            close: ok(),
            call: ok(),
            delivery: ok(),
            detect: ok(),
            state: Arc::default(),
        }
    }

    /// Sets the outcome of connects that begin from now on.
    pub fn on_connect(&self, behaviour: Behaviour) {
        self.connect.send_replace(behaviour);
    }

    /// Fails one connect, whatever else is set. A second call fails the connect after that one.
    pub fn fail_next_connect(&self, kind: FaultKind) {
        self.lock().next_faults.push_back(kind);
    }

    /// Sets the outcome of health checks.
    pub fn on_check(&self, behaviour: Behaviour) {
        self.check.send_replace(behaviour);
    }

    /// Sets the outcome of closes.
    pub fn on_close(&self, behaviour: Behaviour) {
        self.close.send_replace(behaviour);
    }

    /// Sets the outcome of calls.
    ///
    /// `Ok` answers a `tools/call` with the number of calls of its session. `Fail` fails the
    /// transport, and leaves open whether the call was executed.
    pub fn on_call(&self, behaviour: Behaviour) {
        self.call.send_replace(behaviour);
    }

    /// Sets the outcome of the way of a call to the server. Whatever fails there is not executed.
    pub fn on_delivery(&self, behaviour: Behaviour) {
        self.delivery.send_replace(behaviour);
    }

    /// Sets the outcome of detections.
    ///
    /// [`answer_detections`](Self::answer_detections) sets the answer of those that succeed.
    pub fn on_detect(&self, behaviour: Behaviour) {
        self.detect.send_replace(behaviour);
    }

    /// Sets the answer of detections. Default: [`Support::Unknown`].
    pub fn answer_detections(&self, answer: Support) {
        self.lock().answer = Some(answer);
    }

    /// Has the server forget every session, as after a restart; returns their number.
    ///
    /// Calls on these sessions are refused as unknown.
    pub fn forget_sessions(&self) -> usize {
        self.lock().lose_sessions().len()
    }

    /// Ends every session; the transport reports it at once.
    pub fn end_sessions(&self) {
        // The notifiers run outside of the lock, since they call into the pool.
        let notifiers = self.lock().lose_sessions();
        for notifier in notifiers {
            notifier.notify();
        }
    }

    /// Sends a notification to the client of every session.
    pub fn notify(&self, notification: &ServerNotification) {
        for record in self.lock().sessions.values() {
            let message = RxJsonRpcMessage::<RoleClient>::notification(notification.clone());
            if let Some(client) = &record.client {
                let _ = client.send(message);
            }
        }
    }

    pub(super) fn note_detection(&self) {
        self.lock().detections += 1;
    }

    pub(super) fn answer(&self) -> Support {
        self.lock().answer.unwrap_or(Support::Unknown)
    }

    /// Calls `listener` with the load whenever a connect or a session begins or ends.
    ///
    /// The call happens under the lock of the counts, so it must not use this remote control.
    pub fn on_load(&self, listener: impl Fn(&Load) + Send + Sync + 'static) {
        self.lock().listener = Listener::new(listener);
    }

    pub(super) fn begin_connect(&self, request: &ConnectRequest) -> Connecting {
        let key = request.key().clone();
        let mut state = self.lock();
        state.connects += 1;
        let number = state.connects;
        state.connecting.insert(number, key.clone());
        state.notify(&key);
        Connecting {
            remote: self.clone(),
            number,
            endpoint: request.endpoint().clone(),
            key,
        }
    }

    pub(super) fn next_fault(&self) -> Option<FaultKind> {
        self.lock().next_faults.pop_front()
    }

    pub(super) fn note_client(&self, id: u64, client: ClientSender) {
        if let Some(record) = self.lock().sessions.get_mut(&id) {
            record.client = Some(client);
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
        if let Some(record) = state.sessions.remove(&id) {
            state.closed += 1;
            state.notify(&record.key);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Marks every session as lost. Returns the notifiers of those that were not.
    fn lose_sessions(&mut self) -> Vec<CloseNotifier> {
        let mut lost = Vec::new();
        for record in self.sessions.values_mut().filter(|record| !record.lost) {
            record.lost = true;
            lost.push((record.key.clone(), record.notifier.clone()));
        }
        for (key, _) in &lost {
            self.notify(key);
        }
        lost.into_iter().map(|(_, notifier)| notifier).collect()
    }

    /// Calls the listener after a change of this key.
    pub(super) fn notify(&self, key: &PoolKey) {
        self.listener.notify(|| {
            let connecting = self.connecting.values();
            let open = || self.sessions.values().filter(|record| !record.lost);
            Load {
                key: key.clone(),
                connecting: self.connecting.len(),
                open: open().count(),
                connecting_of_key: connecting.filter(|other| *other == key).count(),
                open_of_key: open().filter(|record| record.key == *key).count(),
            }
        });
    }
}

impl Connecting {
    /// Opens the session; the connect ends at the same instant. Returns the session's number.
    pub(super) fn open(self, notifier: &CloseNotifier) -> u64 {
        let mut state = self.remote.lock();
        state.next_id += 1;
        let id = state.next_id;
        let record = Record {
            endpoint: self.endpoint.clone(),
            key: self.key.clone(),
            connect: self.number,
            opened_at: Instant::now(),
            notifier: notifier.clone(),
            calls: 0,
            lost: false,
            closing: false,
            client: None,
        };
        state.connecting.remove(&self.number);
        state.sessions.insert(id, record);
        state.notify(&self.key);
        id
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        let mut state = self.remote.lock();
        if state.connecting.remove(&self.number).is_some() {
            state.notify(&self.key);
        }
    }
}
