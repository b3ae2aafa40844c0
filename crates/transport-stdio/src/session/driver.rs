//! The driver: the pool's view of a session.

use std::{process::ExitStatus, sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::CallFailure,
    extend::{
        Answer, CallContext, ClientContext, CloseNotifier, CloseOutcome, Credentials, ServerInbox,
        SessionDriver, SessionPeer, Wire, WireCall,
    },
};
use rmcp::model::{
    ClientConfig, ClientNotification, ClientRequest, JsonRpcMessage, ServerPeerInfo,
};
use tokio::{task::JoinSet, time::timeout};

use super::{
    link::Link,
    reader::Reader,
    supervisor::{Reading, Supervisor, log_errors},
    wire::SessionWire,
    writer::Writer,
};
use crate::{
    command::{Credential, Registered},
    limits::Limits,
    process::{ChildProcess, Pipes},
    stats::Counters,
    text::{ChildLog, Secrets},
};

/// The driver of a session with a child. Dropping it kills the child.
pub(crate) struct Driver(Arc<SessionWire>);

/// The parts of a new session.
pub(crate) struct NewSession {
    pub(crate) command: Arc<Registered>,
    pub(crate) credentials: Credentials,
    pub(crate) credential: Credential,
    pub(crate) secrets: Secrets,
    pub(crate) inbox: Arc<ServerInbox>,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
}

impl Driver {
    /// Begins to read what the child writes. The session has to be initialised.
    pub(crate) fn begin(new: NewSession, process: ChildProcess, pipes: Pipes) -> Self {
        let counters = new.counters;
        let (link, lines) = Link::new(new.inbox, new.limits, Arc::clone(&counters));
        let link = Arc::new(link);
        let secrets = Arc::new(new.secrets);
        let log = |stream| ChildLog::new(&new.command.name, stream, &secrets, &counters);
        let mut tasks = JoinSet::new();
        let writer = Writer {
            link: Arc::clone(&link),
            lines,
            stdin: pipes.stdin,
        };
        tasks.spawn(writer.run());
        tasks.spawn(log_errors(Arc::clone(&link), log("stderr"), pipes.stderr));
        let reader = Reader {
            link: Arc::clone(&link),
            log: log("stdout"),
        };
        let supervisor = Supervisor {
            link: Arc::clone(&link),
            process,
            tasks,
            reading: Reading(tokio::spawn(reader.run(pipes.stdout))),
        };
        tokio::spawn(supervisor.run());
        let wire = Arc::new(SessionWire {
            link,
            command: new.command,
            credentials: new.credentials,
            credential: new.credential,
        });
        wire.link.inbox.attach(&wire);
        Self(wire)
    }

    /// Sends a request of the handshake, which names `client`.
    ///
    /// # Errors
    /// There is no answer.
    ///
    /// # Cancel safety
    /// Safe; the server may execute the request.
    pub(crate) async fn request(
        &self,
        request: ClientRequest,
        client: Option<&ClientContext>,
    ) -> Result<Answer, CallFailure> {
        let id = self.0.link.inbox.ids().next();
        let call = WireCall::new(id, request, None);
        self.0.request(call, client).await
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// The session has ended.
    ///
    /// # Cancel safety
    /// Not cancel safe: the server may or may not get the notification.
    pub(crate) async fn notify(&self, message: ClientNotification) -> Result<(), CallFailure> {
        self.0.send(JsonRpcMessage::notification(message)).await
    }

    /// What the session declares in its handshake.
    pub(crate) fn client_config(&self) -> ClientConfig {
        self.0.link.inbox.client_config()
    }

    /// Sets what every request names from now on.
    pub(crate) fn note_client(&self, client: ClientContext) {
        let _ = self.0.link.client.set(client);
    }

    /// Keeps what the server answered to the handshake.
    pub(crate) fn note_info(&self, info: ServerPeerInfo) {
        // Only the handshake sets it, and there is one.
        let _ = self.0.link.peer_info.set(info);
        self.note_read();
    }

    /// Notes that the handshake has read a result, and may send another request.
    pub(crate) fn note_read(&self) {
        self.0.link.introduced.notify_one();
    }

    /// How the child ended, where it has ended or is about to.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn exit_status(&self) -> Option<ExitStatus> {
        let link = &self.0.link;
        if !link.ended.is_cancelled() {
            return None;
        }
        let gone = timeout(STATUS_TIMEOUT, link.gone.wait()).await;
        gone.ok().map(|(_, status)| *status)
    }

    pub(crate) fn close_notifier(&self) -> CloseNotifier {
        self.0.link.close_notifier.clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.link.abandoned.cancel();
    }
}

#[async_trait]
impl SessionDriver for Driver {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.0.link.inbox.peer().await
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        let id = self.0.link.inbox.ids().next();
        let call = WireCall::new(id, request, context.cloned());
        self.0.call(call).await
    }

    fn is_over(&self) -> bool {
        self.0.link.ended.is_cancelled()
    }

    async fn close(&self, limit: Duration) -> CloseOutcome {
        let link = &self.0.link;
        let _ = link.farewell.set(limit);
        link.end();
        match timeout(limit, link.gone.wait()).await {
            Ok((outcome, _)) => *outcome,
            Err(_) => CloseOutcome::TimedOut,
        }
    }
}

/// How long a child that has closed its pipes may take to end.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);
