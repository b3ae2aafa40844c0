//! Messages to the server, one POST each.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::CallContext,
};
use mcp_pool_http::{HttpFault, body, send};
use rmcp::model::{ClientJsonRpcMessage, GetExtensions, RequestId, ServerJsonRpcMessage};
use tokio::time::timeout;

use super::connection::Connection;

/// Sends a message. Its answer comes on the stream.
///
/// # Errors
/// The server did not accept the message, or the session ended meanwhile.
pub(crate) async fn post(
    connection: Arc<Connection>,
    message: ClientJsonRpcMessage,
) -> Result<(), HttpFault> {
    if connection.ended.is_cancelled() {
        let what = "the session ended before the message was sent";
        return Err(HttpFault::new(
            Outcome::NotExecuted,
            FaultKind::SessionGone,
            what,
        ));
    }
    let sent = tokio::select! {
        // The result of the POST is more precise than the end of the session.
        biased;
        sent = timeout(connection.limits.post_timeout, exchange(&connection, &message)) => {
            sent.unwrap_or_else(|_| Err(late()))
        }
        () = connection.ended.cancelled() => Err(connection.interrupted()),
    };
    if let Err(fault) = &sent {
        connection.note_fault(fault);
        if *fault.kind() == FaultKind::SessionGone {
            // The pool starts no further call. Calls in flight may still be answered.
            connection.close_notifier.notify();
        }
    }
    sent
}

async fn exchange(
    connection: &Connection,
    message: &ClientJsonRpcMessage,
) -> Result<(), HttpFault> {
    let text = serde_json::to_vec(message).map_err(|_| {
        let what = "the message cannot be written as json";
        HttpFault::harmless(Outcome::NotExecuted, FaultKind::Other, what)
    })?;
    let text = bytes::Bytes::from(text);
    let call = call_context(message);
    let response = send(&connection.credentials, call, |headers| {
        connection.request(headers, text.clone())
    });
    let response = response.await?;
    if !response.status().is_success() {
        return refused(connection, response, message).await;
    }
    // Reading the body lets reqwest reuse the connection.
    let _ = timeout(DRAIN_TIMEOUT, body(response, MAX_BODY)).await;
    Ok(())
}

/// Reads a response with a status of failure.
async fn refused(
    connection: &Connection,
    response: reqwest::Response,
    message: &ClientJsonRpcMessage,
) -> Result<(), HttpFault> {
    let status = response.status();
    let in_session = connection.is_initialized();
    let fault = HttpFault::of_status(status, response.headers(), in_session);
    let is_final = matches!(
        fault.kind(),
        FaultKind::Credentials(_)
            | FaultKind::Unauthorized(_)
            | FaultKind::Forbidden(_)
            | FaultKind::RateLimited { .. }
            | FaultKind::SessionGone
    );
    let (false, Some(request)) = (is_final, request_id(message)) else {
        return Err(fault);
    };
    let body = body(response, MAX_BODY).await;
    let parsed = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    let Some(ServerJsonRpcMessage::Error(mut error)) = parsed else {
        return Err(fault);
    };
    // A server that returns an error without an id has not read the request. With 400 inside a
    // session, several servers report an unknown session like this.
    if error.id.is_none() && in_session && status == StatusCode::BAD_REQUEST {
        return Err(HttpFault::session_gone());
    }
    if error.id.as_ref().is_some_and(|id| id != request) {
        return Err(fault);
    }
    error.id = Some(request.clone());
    let _ = connection.answers.send(ServerJsonRpcMessage::Error(error));
    Ok(())
}

fn request_id(message: &ClientJsonRpcMessage) -> Option<&RequestId> {
    match message {
        ClientJsonRpcMessage::Request(request) => Some(&request.id),
        _ => None,
    }
}

/// The context of the call that a message belongs to, set by the pool.
fn call_context(message: &ClientJsonRpcMessage) -> Option<&CallContext> {
    match message {
        ClientJsonRpcMessage::Request(request) => request.request.extensions().get(),
        _ => None,
    }
}

fn late() -> HttpFault {
    let what = "the server did not accept the message in time";
    HttpFault::new(Outcome::Unknown, FaultKind::Timeout, what)
}

const MAX_BODY: usize = 64 * 1024;
/// The time limit for reading a body that is not used.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use mcp_pool_core::{Endpoint, extend::Credentials};
    use rmcp::model::{ClientRequest, PingRequest};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{limits::Limits, session::NewConnection};

    fn connection() -> (Arc<Connection>, UnboundedReceiver<ServerJsonRpcMessage>) {
        let (sender, answers) = unbounded_channel();
        let endpoint = Endpoint::sse("http://localhost/sse").unwrap();
        let connection = Connection::new(NewConnection {
            http: reqwest::Client::new(),
            credentials: Credentials::fixed(endpoint.clone(), HeaderMap::new()),
            limits: Limits::default(),
            stream: endpoint.url().clone(),
            endpoint: endpoint.url().clone(),
            answers: sender,
            closed: CancellationToken::new(),
        });
        connection.note_initialized();
        (connection, answers)
    }

    /// Answers request 3 with this status and an error that has `id`.
    async fn refuse(
        status: u16,
        id: &str,
    ) -> (Result<(), HttpFault>, Option<ServerJsonRpcMessage>) {
        let (connection, mut answers) = connection();
        let ping = ClientRequest::PingRequest(PingRequest::default());
        let message = ClientJsonRpcMessage::request(ping, RequestId::Number(3));
        let text =
            format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32601,"message":"x"}},"id":{id}}}"#);
        let response = http::Response::builder().status(status).body(text).unwrap();
        let refused = refused(&connection, response.into(), &message).await;
        (refused, answers.try_recv().ok())
    }

    #[tokio::test]
    async fn an_error_with_the_id_of_the_request_is_its_answer_for_any_status() {
        for status in [400, 500] {
            let (refused, answer) = refuse(status, "3").await;
            refused.unwrap();
            let Some(ServerJsonRpcMessage::Error(error)) = answer else {
                panic!("{status}: {answer:?}");
            };
            assert_eq!(error.id, Some(RequestId::Number(3)));
        }
    }

    #[tokio::test]
    async fn an_error_that_does_not_answer_the_request_is_a_fault() {
        for (status, id, kind) in [
            (400, "4", "protocol"),
            (400, "null", "session_gone"),
            (401, "3", "unauthorized"),
            (404, "3", "session_gone"),
        ] {
            let (refused, answer) = refuse(status, id).await;
            assert_eq!(refused.unwrap_err().kind().label(), kind, "{status}");
            assert!(answer.is_none(), "{status}");
        }
    }
}
