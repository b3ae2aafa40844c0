//! A request that was sent, and its answer among what comes back.

use mcp_pool_core::extend::{Answer, Era, Incoming, IncomingKind, ResultKind};
use rmcp::model::RequestId;

/// The facts of a sent request that its answer depends on.
#[derive(Clone, Copy)]
pub(crate) struct SentRequest<'a> {
    pub(crate) id: &'a RequestId,
    pub(crate) kind: ResultKind,
    /// The supposed era of the server; `None` during the handshake.
    pub(crate) era: Option<Era>,
    /// Whether the request named a session.
    pub(crate) in_session: bool,
    /// Whether the answer introduces the server: no handler can get a message before.
    pub(crate) introduces: bool,
}

impl SentRequest<'_> {
    /// The answer that a message is, if it is one. An error without an id answers the request whose
    /// response it came in.
    pub(crate) fn answer_in(&self, message: &Incoming<'_>) -> Option<Answer> {
        let is_mine = message.is_for(self.id);
        match message.kind() {
            IncomingKind::Result if is_mine => {
                Some(Answer::from_raw(self.kind, message.result()?.to_owned()))
            }
            IncomingKind::Error if is_mine || !message.has_id() => {
                Some(Answer::from_error(message.error()?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_pool_core::extend::read_messages;
    use rmcp::model::{ClientRequest, PingRequest};

    use super::*;

    #[test]
    fn only_an_answer_to_this_request_is_taken() {
        let id = RequestId::String("a-1".into());
        let sent = SentRequest {
            id: &id,
            kind: ResultKind::of(&ClientRequest::PingRequest(PingRequest::default())),
            era: None,
            in_session: false,
            introduces: false,
        };
        for (text, is_answer) in [
            (r#"{"id":"a-1","result":{}}"#, true),
            (r#"{"id":"a-2","result":{}}"#, false),
            (r#"{"result":{}}"#, false),
            (r#"{"id":"a-1","error":{"code":1,"message":""}}"#, true),
            (r#"{"id":null,"error":{"code":1,"message":""}}"#, true),
            (r#"{"id":"a-2","error":{"code":1,"message":""}}"#, false),
            (r#"{"id":"a-1","method":"ping"}"#, false),
        ] {
            let messages = read_messages(text.as_bytes()).unwrap();
            assert_eq!(sent.answer_in(&messages[0]).is_some(), is_answer, "{text}");
        }
    }
}
