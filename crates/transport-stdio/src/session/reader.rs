//! The reader of a session's lines.

use std::sync::Arc;

use mcp_pool_core::{
    error::{CallFailure, FaultKind, Outcome},
    extend::{Incoming, IncomingKind, malformed_answers, named_ids, read_messages},
};
use rmcp::model::RequestId;
use tokio::io::AsyncRead;

use super::link::Link;
use crate::text::{ChildLog, Line, LineLimits, LineReader};

/// Reads the lines of a session and routes what they hold.
pub(super) struct Reader {
    pub(super) link: Arc<Link>,
    pub(super) log: ChildLog,
}

impl Reader {
    /// Reads until the child closes its standard output, which ends the session.
    pub(super) async fn run<R: AsyncRead + Unpin>(mut self, stdout: R) {
        let whole = self.link.limits.max_message;
        let limits = LineLimits {
            whole,
            ends: ENDS.min(whole),
            endless: Some(whole.saturating_mul(ENDLESS)),
        };
        let mut lines = LineReader::new(stdout, limits);
        loop {
            match lines.next().await {
                Ok(Some(Line::Whole(line))) => self.line(line).await,
                Ok(Some(Line::Cut(start, end))) => self.cut(start, end),
                Ok(Some(Line::Endless)) => return self.link.fail(self.too_large()),
                // A child that closes its output answers nothing any more.
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn line(&mut self, line: &[u8]) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let messages = read_messages(text);
        if messages.is_none() || text.starts_with(b"[") {
            for id in malformed_answers(text) {
                self.link.pending.fail(&id, malformed());
            }
        }
        match messages {
            Some(messages) => {
                for message in &messages {
                    self.message(message).await;
                }
            }
            None => {
                self.link.counters.other_lines.add();
                self.log.line(text);
            }
        }
    }

    /// Ends the calls whose answer a line is that is too large.
    fn cut(&self, start: &[u8], end: &[u8]) {
        for id in named_ids(start).into_iter().chain(named_ids(end)) {
            self.link.pending.fail(&id, self.too_large());
        }
    }

    async fn message(&self, message: &Incoming<'_>) {
        match message.kind() {
            IncomingKind::Result | IncomingKind::Error => {
                if !self.link.pending.receive(message) {
                    self.link.counters.stray_answers.add();
                } else if message.kind() == IncomingKind::Result {
                    self.wait_for_handshake().await;
                }
            }
            _ => {
                let delivery = self.link.inbox.receive(message).await;
                if message.method() == Some(PROGRESS)
                    && let Some(token) = progress_token(message)
                {
                    self.link.pending.progress(&token, delivery);
                }
            }
        }
    }

    /// Waits until the handshake has read its result: what comes after it may need what is in it.
    async fn wait_for_handshake(&self) {
        if self.link.peer_info.get().is_none() {
            tokio::select! {
                () = self.link.introduced.notified() => {}
                () = self.link.ended.cancelled() => {}
            }
        }
    }

    fn too_large(&self) -> CallFailure {
        let limit = self.link.limits.max_message;
        let kind = FaultKind::TooLarge { limit };
        CallFailure::new(Outcome::Unknown, kind).with_usable_session()
    }
}

/// The token in a progress notification, which is the id of a request.
fn progress_token(message: &Incoming<'_>) -> Option<RequestId> {
    let mut message: serde_json::Value = serde_json::from_str(message.text()).ok()?;
    let token = message.pointer_mut("/params/progressToken")?.take();
    serde_json::from_value(token).ok()
}

/// The server's answer cannot be read. Whether it executed the request is not known.
fn malformed() -> CallFailure {
    CallFailure::new(Outcome::Unknown, FaultKind::Protocol).with_usable_session()
}

const PROGRESS: &str = "notifications/progress";
/// Bytes of both ends of a line that is too large: one of them names its request.
const ENDS: usize = 4 * 1024;
/// How many times the limit a line may have before the session ends.
const ENDLESS: usize = 16;
