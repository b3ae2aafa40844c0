//! Server-sent events out of a response, bounded in size and made fit for rmcp.

use futures::{StreamExt, stream::BoxStream};
use mcp_pool_http::bounded;
use rmcp::model::{RequestId, ServerJsonRpcMessage};
use sse_stream::{Sse, SseStream};

pub(crate) type Events = BoxStream<'static, Result<Sse, sse_stream::Error>>;

/// The events of a response. One larger than `max_event` bytes ends the stream with an error.
///
/// `answers` is the request that the stream answers: an error without an id can only mean that
/// one, and rmcp would wait for ever for an answer that names it.
pub(crate) fn events(
    response: reqwest::Response,
    max_event: usize,
    answers: Option<RequestId>,
) -> Events {
    let bytes = bounded(response, max_event);
    let events = SseStream::from_bytes_stream(bytes);
    events
        .map(move |event| event.map(|event| fit(event, answers.as_ref())))
        .boxed()
}

/// Names the request in an error that names none, and caps the pause the server asks for.
fn fit(mut event: Sse, answers: Option<&RequestId>) -> Sse {
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

/// A server that asks for a longer pause before its stream is resumed is asked again all the same.
const MAX_RETRY_MILLIS: u64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_an_id_is_taken_for_the_answer_it_can_only_be() {
        let id = RequestId::Number(7);
        let data = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":null}"#;
        let event = Sse::default().data(data);
        let fitted = fit(event.clone(), Some(&id)).data.unwrap();
        let message: ServerJsonRpcMessage = serde_json::from_str(&fitted).unwrap();
        let ServerJsonRpcMessage::Error(error) = message else {
            panic!("{fitted}");
        };
        assert_eq!(error.id, Some(id));
        assert_eq!(fit(event, None).data.unwrap(), data);
    }

    #[test]
    fn a_server_cannot_ask_for_an_endless_pause() {
        let event = Sse::default().retry(u64::MAX);
        assert_eq!(fit(event, None).retry, Some(MAX_RETRY_MILLIS));
    }
}
