//! The calls of tools that reached the fake server, and what became of each.

use std::collections::BTreeMap;

use mcp_pool_core::PoolKey;

use super::remote::Remote;

/// The arrivals of calls, by the name of the tool. Kept on request, since it grows with each call.
#[derive(Debug, Default)]
pub(super) struct Ledger(Option<BTreeMap<String, Vec<Arrival>>>);

/// One arrival of a call at the fake server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Arrival {
    /// The number of the session that the call came on.
    pub session: u64,
    /// The key of that session; `None` where the server has closed the session.
    pub key: Option<PoolKey>,
    /// The number of the connect that opened the session; `None` as for `key`.
    pub connect: Option<usize>,
    /// True where the server executed the call; false where it refused it.
    pub executed: bool,
}

impl Ledger {
    pub(super) fn add(&mut self, tool: &str, arrival: Arrival) {
        if let Some(calls) = &mut self.0 {
            calls.entry(tool.to_owned()).or_default().push(arrival);
        }
    }
}

impl Remote {
    /// Keeps a ledger of the calls of tools from now on. Default: none is kept.
    pub fn keep_ledger(&self) {
        self.lock().ledger.0.get_or_insert_default();
    }

    /// The arrivals of the calls of this tool, in order. Empty without a ledger.
    ///
    /// A test that gives each call a name of its own learns here how often it was executed.
    #[must_use]
    pub fn arrivals(&self, tool: &str) -> Vec<Arrival> {
        let state = self.lock();
        let calls = state.ledger.0.as_ref();
        let arrivals = calls.and_then(|calls| calls.get(tool));
        arrivals.cloned().unwrap_or_default()
    }

    /// Counts a call and returns the session's number of calls; `None` for an unknown session.
    pub(super) fn note_call(&self, id: u64, tool: Option<&str>) -> Option<usize> {
        let mut state = self.lock();
        let record = state.sessions.get(&id);
        let arrival = Arrival {
            session: id,
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
}
