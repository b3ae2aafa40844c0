//! The state that the parts of a session share.

use std::{
    process::ExitStatus,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use mcp_pool_core::{
    error::{CallFailure, FaultKind, Outcome, SessionCondition},
    extend::{ClientContext, CloseNotifier, CloseOutcome, PendingRequests, ServerInbox},
};
use rmcp::model::{
    ClientRequest, DiscoverRequest, DiscoverRequestParams, ProtocolVersion, RequestId,
    ServerPeerInfo,
};
use tokio::sync::{Notify, SetOnce, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{limits::Limits, stats::Counters};

/// The state that the parts of a session share.
pub(super) struct Link {
    pub(super) inbox: Arc<ServerInbox>,
    pub(super) pending: PendingRequests<CallFailure>,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    /// Lines for the child, in their order.
    pub(super) outgoing: mpsc::Sender<Outgoing>,
    pub(super) cancellations: Cancellations,
    pub(super) close_notifier: CloseNotifier,
    /// Cancelled when the session has ended: no call is taken any more.
    pub(super) ended: CancellationToken,
    /// Cancelled when the session has no owner any more: the child is killed.
    pub(super) abandoned: CancellationToken,
    /// The time limit of the farewell, once the owner closes the session.
    pub(super) farewell: SetOnce<Duration>,
    /// How the child ended, once it is gone.
    pub(super) gone: SetOnce<(CloseOutcome, ExitStatus)>,
    /// What the server answered to the handshake.
    pub(super) peer_info: SetOnce<ServerPeerInfo>,
    /// Notified once the handshake has read a result.
    pub(super) introduced: Notify,
    /// What every request names, where the server is stateless.
    pub(super) client: OnceLock<ClientContext>,
    cause: OnceLock<CallFailure>,
}

/// A line for the child.
pub(super) struct Outgoing {
    pub(super) text: Vec<u8>,
    /// The progress of a request; `None` for other messages.
    pub(super) request: Option<Arc<Progress>>,
}

/// Whether a request has been written.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);

/// The requests to cancel: a caller may leave where there is no runtime.
#[derive(Default)]
pub(super) struct Cancellations {
    queue: Mutex<Vec<RequestId>>,
    pub(super) added: Notify,
}

impl Link {
    /// The state of a new session, and the lines that its writer takes.
    pub(super) fn new(
        inbox: Arc<ServerInbox>,
        limits: Limits,
        counters: Arc<Counters>,
    ) -> (Self, mpsc::Receiver<Outgoing>) {
        let (outgoing, lines) = mpsc::channel(MAX_LINES);
        let link = Self {
            inbox,
            pending: PendingRequests::default(),
            limits,
            counters,
            outgoing,
            cancellations: Cancellations::default(),
            close_notifier: CloseNotifier::default(),
            ended: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            farewell: SetOnce::new(),
            gone: SetOnce::new(),
            peer_info: SetOnce::new(),
            introduced: Notify::new(),
            client: OnceLock::new(),
            cause: OnceLock::new(),
        };
        (link, lines)
    }

    /// Ends the session with a failure of the calls on their way. The first one is kept.
    pub(super) fn fail(&self, failure: CallFailure) {
        let _ = self.cause.set(failure.with_session(SessionCondition::Gone));
        self.end();
    }

    /// Ends the session: wakes all its waiters and notifies the pool.
    pub(super) fn end(&self) {
        self.ended.cancel();
        self.pending.close();
        self.inbox.close();
        self.close_notifier.notify();
    }

    /// The failure of a request that was on its way when the session ended.
    pub(super) fn interrupted(&self, request: &Progress) -> CallFailure {
        match request.was_written() {
            true => self
                .cause
                .get()
                .cloned()
                .unwrap_or_else(|| CallFailure::new(Outcome::Unknown, FaultKind::SessionGone)),
            false => not_sent(),
        }
    }
}

impl Progress {
    /// Begins to write the request. False where its caller has left.
    pub(super) fn begin(&self) -> bool {
        self.advance(WRITTEN)
    }

    /// Notes that nothing of the request was written.
    pub(super) fn undo(&self) {
        self.0.store(QUEUED, Ordering::Release);
    }

    /// Withdraws the request. False where it has been written, at least in part.
    pub(super) fn withdraw(&self) -> bool {
        self.advance(WITHDRAWN)
    }

    /// Moves on from the queue. Of two callers one succeeds.
    fn advance(&self, to: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        self.0
            .compare_exchange(QUEUED, to, success, failure)
            .is_ok()
    }

    fn was_written(&self) -> bool {
        self.0.load(Ordering::Acquire) == WRITTEN
    }
}

impl Cancellations {
    pub(super) fn add(&self, id: RequestId) {
        self.lock().push(id);
        self.added.notify_one();
    }

    pub(super) fn take(&self) -> Vec<RequestId> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<RequestId>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure of a request that the child has not seen.
pub(super) fn not_sent() -> CallFailure {
    CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone)
}

/// The request for what a stateless server is (revision 2026-07-28, discovery).
pub(crate) fn discover_request() -> ClientRequest {
    ClientRequest::DiscoverRequest(DiscoverRequest::new(DiscoverRequestParams {}))
}

/// The revision of stateless servers.
pub(crate) const STATELESS: ProtocolVersion = ProtocolVersion::V_2026_07_28;

const QUEUED: u8 = 0;
const WRITTEN: u8 = 1;
const WITHDRAWN: u8 = 2;
/// Lines that wait for a child which does not read.
const MAX_LINES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_either_written_or_withdrawn() {
        let written = Progress::default();
        assert!(written.begin() && !written.withdraw() && written.was_written());
        let withdrawn = Progress::default();
        assert!(withdrawn.withdraw() && !withdrawn.begin() && !withdrawn.was_written());
        written.undo();
        assert!(!written.was_written(), "nothing of it reached the child");
    }
}
