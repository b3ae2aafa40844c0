//! The start of a child, and its handshake.

use std::sync::Arc;

use mcp_pool_core::{
    error::{ConnectError, Evidence, FaultKind},
    extend::{ConnectRequest, RequestTarget, Session, SessionInfo},
};
use tokio::time::{Duration, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    plan::Plan,
    revisions::{Failed, Introduction},
};
use crate::{
    command::{Credential, Registered},
    error::StdioError,
    limits::Limits,
    process::{ChildProcess, start},
    session::{Driver, NewSession},
    start::{Pause, ProcessPermit, Processes},
    stats::Counters,
    text::Secrets,
};

/// What the handshakes of a connector share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) processes: Processes,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
}

/// One handshake.
pub(super) struct Handshake {
    pub(super) shared: Shared,
    pub(super) command: Arc<Registered>,
    pub(super) request: ConnectRequest,
    /// Cancelled when its caller is gone.
    pub(super) given_up: CancellationToken,
}

/// What follows an attempt that opened no session.
enum Attempt {
    /// Another attempt, by this plan.
    Again(Plan),
    /// The child has started, or may not start now.
    Failed(ConnectError),
    NotStarted(StdioError),
}

impl Handshake {
    /// Opens the session, within the deadline.
    ///
    /// On failure or timeout the driver is dropped, and that kills the child.
    pub(super) async fn run(self) -> Result<Session, ConnectError> {
        tokio::select! {
            opened = timeout_at(self.request.deadline(), self.open()) => {
                // A child that hangs for one caller need not hang for the others.
                let late = || self.request.timed_out().with_evidence(Evidence::None);
                opened.unwrap_or_else(|_| Err(late()))
            }
            () = self.is_given_up() => Err(ConnectError::new(FaultKind::Other)),
        }
    }

    /// Waits until the caller is gone, and then as long as a child needs that only has to answer: it
    /// gets a farewell.
    async fn is_given_up(&self) {
        self.given_up.cancelled().await;
        sleep(ANSWER_TIMEOUT).await;
    }

    async fn open(&self) -> Result<Session, ConnectError> {
        let refused = |error| ConnectError::new(FaultKind::Credentials(error));
        let credentials = self.request.credentials();
        let headers = credentials.headers(RequestTarget::default()).await;
        let headers = headers.map_err(refused)?;
        let credential = self.command.credential(&headers).map_err(refused)?;
        let lifecycle = self.request.endpoint().lifecycle();
        let mut plan = Plan::of(lifecycle, self.command.era());
        let back_off = &self.command.back_off;
        let key = back_off.key(credential.variables());
        let admitted = back_off.admit(key, self.request.deadline()).await;
        let admitted = admitted.map_err(|pause| self.paused(pause))?;
        loop {
            match self.attempt(plan, &credential).await {
                Ok(session) => {
                    admitted.succeeded();
                    return Ok(session);
                }
                // Never back to a plan that failed: from a known era to none, and on to the legacy one.
                Err(Attempt::Again(next)) => plan = next,
                Err(Attempt::NotStarted(error)) => {
                    self.shared.counters.failed_starts.add();
                    admitted.failed(error.clone());
                    return Err(error.into());
                }
                Err(Attempt::Failed(error)) => return Err(error),
            }
        }
    }

    /// Starts a child and runs the handshake with it.
    async fn attempt(&self, plan: Plan, credential: &Credential) -> Result<Session, Attempt> {
        let permit = self.permit().await?;
        let started = self.start(credential, permit).await;
        let (process, secrets) = started.map_err(Attempt::NotStarted)?;
        let driver = self.drive(process, secrets, credential.clone())?;
        let introduction = Introduction {
            driver: &driver,
            request: &self.request,
            client: driver.client_config(),
        };
        let failed = match introduction.run(plan).await {
            Ok(info) => {
                self.command.note_era(Some(info.era));
                return Ok(session(driver, info));
            }
            Err(failed) => failed,
        };
        let status = driver.exit_status().await;
        if plan == Plan::Detect && failed.in_discovery && status.is_some() {
            // A legacy server need not survive a request that it does not know.
            return Err(Attempt::Again(Plan::Legacy));
        }
        let command = self.command.name.to_string();
        Err(match status {
            Some(status) => Attempt::NotStarted(StdioError::Ended { command, status }),
            None if *failed.error.kind() == FaultKind::Unreachable => {
                Attempt::NotStarted(StdioError::ClosedPipe { command })
            }
            None => self.denied(plan, failed),
        })
    }

    /// The next step after a failure that the child survived.
    fn denied(&self, plan: Plan, failed: Failed) -> Attempt {
        let is_known = Plan::of(self.request.endpoint().lifecycle(), None) == Plan::Detect
            && plan != Plan::Detect
            && self.command.era().is_some();
        match is_known && failed.is_denial {
            true => {
                self.command.note_era(None);
                Attempt::Again(Plan::Detect)
            }
            false => Attempt::Failed(failed.error),
        }
    }

    async fn permit(&self) -> Result<ProcessPermit, Attempt> {
        let (command, deadline) = (&self.command, self.request.deadline());
        let most = command.max_processes();
        let permit = self
            .shared
            .processes
            .acquire(&command.processes, most, deadline);
        permit.await.map_err(|limit| {
            let command = command.name.to_string();
            Attempt::Failed(StdioError::TooManyProcesses { command, limit }.into())
        })
    }

    async fn start(
        &self,
        credential: &Credential,
        permit: ProcessPermit,
    ) -> Result<(ChildProcess, Secrets), StdioError> {
        let environment = self.command.environment(credential);
        let mut program = self.command.program();
        program.envs(environment.variables());
        let started = start(program, permit).await;
        let process = started.map_err(|error| StdioError::NotStarted {
            command: self.command.name.to_string(),
            kind: error.kind(),
        })?;
        self.shared.counters.started.add();
        Ok((process, Secrets::new(environment.into_secrets())))
    }

    fn drive(
        &self,
        mut process: ChildProcess,
        secrets: Secrets,
        credential: Credential,
    ) -> Result<Driver, Attempt> {
        let pipes = process.pipes();
        let pipes = pipes.ok_or_else(|| Attempt::Failed(ConnectError::new(FaultKind::Other)))?;
        let new = NewSession {
            command: Arc::clone(&self.command),
            credentials: self.request.credentials().clone(),
            credential,
            secrets,
            inbox: self.request.inbox(),
            limits: self.shared.limits,
            counters: Arc::clone(&self.shared.counters),
        };
        Ok(Driver::begin(new, process, pipes))
    }

    fn paused(&self, pause: Pause) -> ConnectError {
        let Pause { wait, cause } = pause;
        let command = self.command.name.to_string();
        let cause = Box::new(cause);
        StdioError::Paused {
            command,
            wait,
            cause,
        }
        .into()
    }
}

fn session(driver: Driver, info: SessionInfo) -> Session {
    let notifier = driver.close_notifier();
    Session::new(driver, info).with_close_notifier(notifier)
}

/// How long a handshake goes on whose caller is gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
