//! The events of a response, bounded in size and prepared for rmcp.

use futures::{StreamExt, stream::BoxStream};
use mcp_pool_http::bounded;
use rmcp::model::{RequestId, ServerJsonRpcMessage};
use sse_stream::{Sse, SseStream};

pub(crate) type Events = BoxStream<'static, Result<Sse, sse_stream::Error>>;

/// Parses the events of a response. `max_event` limits the bytes of one event.
///
/// A larger event ends the stream with an error. `answers` is the request that the stream answers:
/// an error without an id can only answer this request, and rmcp would wait for ever for an answer
/// with the id.
pub(crate) fn events(
    response: reqwest::Response,
    max_event: usize,
    answers: Option<RequestId>,
) -> Events {
    let bytes = bounded(response, max_event);
    let events = SseStream::from_bytes_stream(bytes);
    events
        .map(move |event| event.map(|event| prepare(event, answers.as_ref())))
        .boxed()
}

/// Sets the request's id in an error without one, and caps `retry`.
fn prepare(mut event: Sse, answers: Option<&RequestId>) -> Sse {
    event.retry = event.retry.map(|millis| millis.min(MAX_RETRY_MILLIS));
    if let Some(id) = answers
        && let Some(data) = &event.data
        && data.contains("\"error\"")
        && let Ok(ServerJsonRpcMessage::Error(mut error)) = serde_json::from_str(data)
        && error.id.is_none()
    {
        error.id = Some(id.clone());
        event.data = serde_json::to_string(&ServerJsonRpcMessage::Error(error)).ok();
    }
    event
}

/// The longest pause before a stream is resumed, in milliseconds.
const MAX_RETRY_MILLIS: u64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_an_id_gets_the_id_of_the_request() {
        let id = RequestId::Number(7);
        let data = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":null}"#;
        let event = Sse::default().data(data);
        let prepared = prepare(event.clone(), Some(&id)).data.unwrap();
        let message: ServerJsonRpcMessage = serde_json::from_str(&prepared).unwrap();
        let ServerJsonRpcMessage::Error(error) = message else {
            panic!("{prepared}");
        };
        assert_eq!(error.id, Some(id));
        assert_eq!(prepare(event, None).data.unwrap(), data);
    }

    #[test]
    fn a_server_cannot_request_an_endless_pause() {
        let event = Sse::default().retry(u64::MAX);
        assert_eq!(prepare(event, None).retry, Some(MAX_RETRY_MILLIS));
    }
}
