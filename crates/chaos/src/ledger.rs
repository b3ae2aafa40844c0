//! The ledger as JSON.

use mcp_pool_testkit::{CallRecord, FaultServer};
use serde_json::{Map, Value, json};

/// What the server executed so far, as the README shows it.
pub(crate) fn ledger(server: &FaultServer) -> Value {
    let ledger = server.ledger();
    let sum = |of: fn(CallRecord) -> u64| -> u64 { ledger.calls().map(|(_, call)| of(call)).sum() };
    let calls: Map<String, Value> = ledger
        .calls()
        .map(|(id, call)| {
            let call = json!({
                "executed": call.executed, "lost": call.lost, "crossed": call.crossed,
            });
            (id.to_owned(), call)
        })
        .collect();
    json!({
        "executed": ledger.total(),
        "lost": sum(|call| call.lost.into()),
        "doubled": sum(|call| (call.executed > 1).into()),
        "crossed": sum(|call| call.crossed.into()),
        "strikes": server.strikes(),
        "open_sessions": server.open_sessions(),
        "calls": calls,
    })
}
