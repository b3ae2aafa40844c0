//! The connects and sessions of the fake server, one by one.

use mcp_pool_core::{PoolKey, extend::SessionInfo};
use rmcp::model::RequestId;
use tokio::time::Instant;

use super::ledger::Arrival;
use super::remote::{Record, Remote};

/// A session of the fake server at one instant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenSession {
    /// The number of the session, which is its session id.
    pub id: u64,
    /// The key that the session was opened for.
    pub key: PoolKey,
    /// The number of the connect that opened the session.
    pub connect: usize,
    /// When the session was opened.
    pub opened_at: Instant,
    /// True once the server has ended or forgotten the session.
    pub lost: bool,
    /// True once the driver of the session has begun to close it.
    pub closing: bool,
}

/// A connect under way at one instant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenConnect {
    /// The number of the connect.
    pub number: usize,
    /// The key that the connect is for.
    pub key: PoolKey,
}

/// The number of a session, in the metadata of its info.
pub(super) struct SessionNumber(pub(super) u64);

/// The number of a session of the fake server, as [`OpenSession::id`] has it. `None` for a session
/// of another server.
#[must_use]
pub fn session_number(info: &SessionInfo) -> Option<u64> {
    info.metadata.get().map(|number| {
        let SessionNumber(id) = *number;
        id
    })
}

/// A health check under way; ends when it is dropped.
pub(super) struct Checking(Remote);

/// A session whose connect is not over. Dropped before [`finish`](Self::finish), it is no session
/// any more: the client has left within the handshake.
pub(super) struct Handshake {
    remote: Remote,
    id: Option<u64>,
}

impl Remote {
    /// Sets how many calls the transport allows on a session that is opened from now on. Default: the
    /// transport leaves that to the pool.
    pub fn allow_concurrent_calls(&self, calls: u32) {
        self.lock().concurrent_calls = Some(calls);
    }

    /// The open sessions, by number.
    #[must_use]
    pub fn sessions(&self) -> Vec<OpenSession> {
        let state = self.lock();
        let sessions = state.sessions.iter();
        sessions.map(|(id, record)| record.view(*id)).collect()
    }

    /// The open session of this number.
    #[must_use]
    pub fn session(&self, id: u64) -> Option<OpenSession> {
        let state = self.lock();
        state.sessions.get(&id).map(|record| record.view(id))
    }

    /// The connects under way, by number.
    #[must_use]
    pub fn open_connects(&self) -> Vec<OpenConnect> {
        let state = self.lock();
        let connects = state.connecting.iter();
        connects
            .map(|(number, key)| OpenConnect {
                number: *number,
                key: key.clone(),
            })
            .collect()
    }

    /// The number of health checks under way.
    #[must_use]
    pub fn checking(&self) -> usize {
        self.lock().checking
    }

    /// Keeps a ledger of the calls of tools from now on. Default: none is kept.
    pub fn keep_ledger(&self) {
        self.lock().ledger.keep();
    }

    /// The arrivals of the calls of this tool, in order. Empty without a ledger.
    ///
    /// A test that gives each call a name of its own learns here how often it was executed.
    #[must_use]
    pub fn arrivals(&self, tool: &str) -> Vec<Arrival> {
        self.lock().ledger.of(tool)
    }

    /// Counts a call and returns the session's number of calls; `None` for an unknown session.
    pub(super) fn note_call(
        &self,
        id: u64,
        tool: Option<&str>,
        request: &RequestId,
    ) -> Option<usize> {
        let mut state = self.lock();
        let record = state.sessions.get(&id);
        let arrival = Arrival {
            session: id,
            request: request.clone(),
            key: record.map(|record| record.key.clone()),
            connect: record.map(|record| record.connect),
            executed: record.is_some_and(|record| !record.lost),
        };
        if let Some(tool) = tool {
            state.ledger.add(tool, arrival);
        }
        let record = state.sessions.get_mut(&id).filter(|record| !record.lost)?;
        record.calls += 1;
        let calls = record.calls;
        state.calls += 1;
        Some(calls)
    }

    pub(super) fn concurrent_calls(&self) -> Option<u32> {
        self.lock().concurrent_calls
    }

    pub(super) fn begin_check(&self) -> Checking {
        self.lock().checking += 1;
        Checking(self.clone())
    }

    pub(super) fn note_abandoned(&self, id: u64) {
        let mut state = self.lock();
        if let Some(record) = state.sessions.remove(&id) {
            state.notify(&record.key);
        }
    }

    pub(super) fn note_closing(&self, id: u64) {
        if let Some(record) = self.lock().sessions.get_mut(&id) {
            record.closing = true;
        }
    }
}

impl Record {
    fn view(&self, id: u64) -> OpenSession {
        OpenSession {
            id,
            key: self.key.clone(),
            connect: self.connect,
            opened_at: self.opened_at,
            lost: self.lost,
            closing: self.closing,
        }
    }
}

impl Handshake {
    pub(super) fn begin(remote: &Remote, id: u64) -> Self {
        Self {
            remote: remote.clone(),
            id: Some(id),
        }
    }

    /// Keeps the session.
    pub(super) fn finish(mut self) {
        self.id = None;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.remote.note_abandoned(id);
        }
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.0.lock().checking -= 1;
    }
}
