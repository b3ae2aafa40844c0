//! CPU time of the client's side of this process.

use std::time::Duration;

use cpu_time::ProcessTime;

use super::server::Server;

/// The CPU time of all threads but the server's, since a beginning.
pub(super) struct ClientCpu<'s> {
    server: &'s Server,
    began: Duration,
}

impl<'s> ClientCpu<'s> {
    pub(super) fn begin(server: &'s Server) -> Self {
        Self {
            server,
            began: now(server),
        }
    }

    /// The microseconds so far.
    pub(super) fn us(&self) -> f64 {
        now(self.server).saturating_sub(self.began).as_secs_f64() * 1e6
    }
}

fn now(server: &Server) -> Duration {
    let server = server.cpu();
    ProcessTime::now().as_duration().saturating_sub(server)
}
