//! The tasks of a test, without those of open connections.

use mcp_pool_testkit::ScriptedServer;
use tokio::runtime::Handle;

use crate::common::eventually;

/// The number of tasks of this test's runtime.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// The number of tasks without those that drive connections to the server.
pub(crate) fn tasks_beside(server: &ScriptedServer) -> usize {
    tasks().saturating_sub(server.connections())
}

/// The number of tasks, once it has not changed for a while.
pub(crate) async fn settled(server: &ScriptedServer) -> usize {
    let mut last = (usize::MAX, 0);
    eventually("the tasks settle", || {
        let now = tasks_beside(server);
        last = match last.0 == now {
            true => (now, last.1 + 1),
            false => (now, 0),
        };
        last.1 >= 10
    })
    .await;
    last.0
}

/// Waits until there are no more tasks than these, beside those of connections.
pub(crate) async fn back_to(server: &ScriptedServer, tasks: usize) {
    eventually("the tasks have ended", || tasks_beside(server) <= tasks).await;
}
