//! The calls of tools that reached the fake server, and what became of each.

use std::collections::BTreeMap;

use mcp_pool_core::PoolKey;
use rmcp::model::RequestId;

/// The arrivals of calls, by the name of the tool. Kept on request, since it grows with each call.
#[derive(Debug, Default)]
pub(super) struct Ledger(Option<BTreeMap<String, Vec<Arrival>>>);

/// One arrival of a call at the fake server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Arrival {
    /// The number of the session that the call came on.
    pub session: u64,
    /// The id of the request, as it came to the server.
    pub request: RequestId,
    /// The key of that session; `None` where the server has closed the session.
    pub key: Option<PoolKey>,
    /// The number of the connect that opened the session; `None` as for `key`.
    pub connect: Option<usize>,
    /// True where the server executed the call; false where it refused it.
    pub executed: bool,
}

impl Ledger {
    /// Keeps arrivals from now on.
    pub(super) fn keep(&mut self) {
        self.0.get_or_insert_default();
    }

    pub(super) fn add(&mut self, tool: &str, arrival: Arrival) {
        if let Some(calls) = &mut self.0 {
            calls.entry(tool.to_owned()).or_default().push(arrival);
        }
    }

    /// The arrivals of the calls of this tool, in order.
    pub(super) fn of(&self, tool: &str) -> Vec<Arrival> {
        let arrivals = self.0.as_ref().and_then(|calls| calls.get(tool));
        arrivals.cloned().unwrap_or_default()
    }
}
