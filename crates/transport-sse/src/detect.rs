//! Detection: whether the server at an address speaks HTTP+SSE.
//!
//! The rule is that of the specification (revision 2025-11-25, transports, backwards
//! compatibility): a GET opens a stream with `endpoint` as its first event.

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Support},
};
use mcp_pool_http::{HttpClients, HttpSession};
use tokio::time::timeout_at;

use crate::{
    limits::Limits,
    stream::{Event, Stream},
};

/// Opens a stream and reads its first event.
///
/// The stream is closed when it is dropped, also with the future, and that ends the session on the
/// server.
pub(crate) async fn detect(
    clients: &HttpClients,
    limits: Limits,
    request: &ConnectRequest,
) -> Result<Support, ConnectError> {
    let exchange = async {
        let session = HttpSession::of(request);
        let (credentials, url) = (request.credentials(), request.endpoint().url());
        let http = &clients.streams;
        let mut stream = Stream::open(http, &session, credentials, url, limits).await?;
        request.note_answered();
        loop {
            match stream.next().await? {
                // Only a connect checks the announced address.
                Event::Endpoint(_) => return Ok::<_, ConnectError>(Support::Supported),
                Event::Cut(_) | Event::Message(_) => return Ok(Support::Unsupported),
                Event::Other => {}
            }
        }
    };
    match timeout_at(request.deadline(), exchange).await {
        // The server answered, but not with an event stream.
        Ok(Err(error)) if matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol) => {
            Ok(Support::Unsupported)
        }
        Ok(answer) => answer,
        Err(_) => Err(request.timed_out()),
    }
}
