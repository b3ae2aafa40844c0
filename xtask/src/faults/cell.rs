//! One cell of the matrix.

use std::{num::NonZeroU32, time::Duration};

use futures::future::try_join_all;
use mcp_pool_testkit::{Fault, FaultServer, Ledger, When, Wire};
use mcp_session_pool::config::Lifecycle;
use tokio::time::{Instant, sleep};

use super::{
    callers::{Call, call_all, client, recover},
    kinds::{Class, Place, ScopeKind, is_of_certificate},
    report::Finding,
    rig::{CALL, Rig},
};

/// One cell of the matrix.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) fault: Fault,
    pub(super) place: Place,
    pub(super) wire: Wire,
    pub(super) era: Lifecycle,
    pub(super) scope: ScopeKind,
    pub(super) slots: u32,
    pub(super) class: Class,
}

impl Cell {
    /// The name, which selects the cell.
    pub(super) fn name(&self) -> String {
        let name = format!(
            "{}/{:?}/{:?}-{}/{:?}/{}/{:?}",
            self.fault.name(),
            self.place,
            self.wire,
            self.era.as_str(),
            self.scope,
            self.slots,
            self.class,
        );
        name.to_lowercase()
    }

    /// Plays the cell.
    pub(super) async fn run(&self, rig: &Rig) -> Result<Finding, String> {
        let server = self.server().map_err(|error| error.to_string())?;
        let slots = NonZeroU32::new(self.slots).ok_or("no slots")?;
        let pool = rig.pool(slots).map_err(|error| error.to_string())?;
        let endpoint = rig.endpoint(&server).map_err(|error| error.to_string())?;
        let clients = (0..USERS).map(|user| client(&pool, &endpoint, self.scope, user));
        let clients = try_join_all(clients).await?;
        if self.place == Place::Call {
            for (user, client) in clients.iter().enumerate() {
                if let Some(error) = recover(client, self.class, &format!("warm-{user}")).await {
                    return Err(format!("never usable: {error}"));
                }
            }
        }
        self.arm(&server);
        let calls = call_all(&clients, self.class).await;
        server.heal();
        let strikes = server.strikes();
        let mut finding = self.judge(&calls, &server.ledger(), rig);
        finding.is_unstruck = strikes == 0;
        for (user, client) in clients.iter().enumerate() {
            let error = recover(client, self.class, &format!("after-{user}")).await;
            finding.unusable_after.extend(error);
        }
        drop(clients);
        let report = pool.close(Duration::from_secs(5)).await;
        if !report.complete {
            finding.examples.push(format!("{report:?}"));
        }
        finding.stranded = stranded(&server).await;
        Ok(finding)
    }

    /// A server, over TLS where the fault is one of its certificate.
    fn server(&self) -> std::io::Result<FaultServer> {
        let builder = FaultServer::builder(self.wire, self.era);
        match is_of_certificate(&self.fault) {
            true => builder.secure().start(),
            false => builder.start(),
        }
    }

    /// Arms the fault for some of the requests.
    fn arm(&self, server: &FaultServer) {
        for nth in STRUCK {
            let when = When::Nth(self.method().to_owned(), nth);
            server.arm(self.fault.clone(), when);
        }
    }

    fn method(&self) -> &'static str {
        match (self.place, self.class, self.era) {
            (Place::Call, Class::Change, _) => "tools/call",
            (Place::Call, Class::Read, _) => "resources/read",
            (Place::Opening, _, Lifecycle::Stateless) => "server/discover",
            (Place::Opening, ..) => "initialize",
        }
    }

    /// Compares what the callers got with what was executed, and with their deadlines.
    fn judge(&self, calls: &[Call], ledger: &Ledger, rig: &Rig) -> Finding {
        let mut finding = Finding::new(self.name());
        for call in calls {
            finding.take(call, ledger, self.class == Class::Read);
            let beyond = rig.lateness.beyond(call.began + CALL, call.ended);
            finding.take_overshoot(beyond, call);
        }
        finding
    }
}

/// The sessions that are open although the pool is closed.
async fn stranded(server: &FaultServer) -> usize {
    let end = Instant::now() + SETTLED;
    while server.open_sessions() > 0 && Instant::now() < end {
        sleep(Duration::from_millis(5)).await;
    }
    server.open_sessions()
}

const USERS: usize = 2;
/// Which of the requests are struck.
const STRUCK: [u64; 3] = [1, 2, 5];
/// How soon a server sees that a connection was closed.
const SETTLED: Duration = Duration::from_secs(1);
