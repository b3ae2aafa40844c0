//! The adapter to rmcp: an HTTP client over a connection.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderName, HeaderValue};
use mcp_pool_http::HttpFault;
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::streamable_http_client::{
        StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
        StreamableHttpResponseLimits,
    },
};

use super::{connection::Connection, post::Post, stream::StreamRequest};
use crate::response::Events;

/// rmcp's view of a connection: an HTTP client.
///
/// rmcp passes URL, session id and credentials to each method. It has only placeholders of them;
/// the connection has the real ones, so that they cannot reach the logs of rmcp.
#[derive(Clone)]
pub(crate) struct RmcpAdapter(pub(crate) Arc<Connection>);

/// The session id that rmcp gets, so that it knows that a session exists.
pub(crate) const PLACEHOLDER: &str = "pooled";

impl StreamableHttpClient for RmcpAdapter {
    type Error = HttpFault;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<HttpFault>> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, auth, headers, limits)
            .await
    }

    async fn post_message_with_response_limits(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        _session: Option<Arc<str>>,
        _auth: Option<String>,
        protocol: HashMap<HeaderName, HeaderValue>,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<HttpFault>> {
        let post = Post {
            message,
            protocol,
            limits,
        };
        let was_in_session = self.0.is_in_session();
        let answer = post
            .send(&self.0)
            .await
            .map_err(StreamableHttpError::Client)?;
        let opened = !was_in_session && self.0.is_in_session();
        Ok(match (answer, opened.then(|| PLACEHOLDER.to_owned())) {
            (StreamableHttpPostResponse::Json(message, _), id) => {
                StreamableHttpPostResponse::Json(message, id)
            }
            (StreamableHttpPostResponse::Sse(events, _), id) => {
                StreamableHttpPostResponse::Sse(events, id)
            }
            (accepted, _) => accepted,
        })
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        _session: Arc<str>,
        _auth: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), StreamableHttpError<HttpFault>> {
        // The driver reads the outcome from the connection.
        self.0.delete_session().await;
        Ok(())
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, StreamableHttpError<HttpFault>> {
        let max = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(uri, session, last_event_id, auth, headers, max)
            .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        _uri: Arc<str>,
        _session: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth: Option<String>,
        protocol: HashMap<HeaderName, HeaderValue>,
        max_event: usize,
    ) -> Result<Events, StreamableHttpError<HttpFault>> {
        let request = StreamRequest {
            last_event_id,
            protocol,
            max_event,
        };
        request.open(&self.0).await
    }
}
