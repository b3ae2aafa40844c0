//! Whether HTTP+SSE is spoken at an address.
//!
//! The rule is that of the specification's backwards compatibility (revision 2025-11-25,
//! transports): a GET opens a stream whose first event is `endpoint`.

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Detection},
};
use tokio::time::timeout_at;

use crate::{
    limits::Limits,
    stream::{Event, Incoming},
};

/// Asks for a stream and reads its first event. Dropping the stream, with the future or after its
/// end, closes it, which is all that a server has to be told.
pub(crate) async fn detect(
    http: &reqwest::Client,
    limits: Limits,
    request: &ConnectRequest,
) -> Result<Detection, ConnectError> {
    let exchange = async {
        let (credentials, url) = (request.credentials(), request.endpoint().url());
        let mut incoming = Incoming::open(http, credentials, url, limits).await?;
        loop {
            match incoming.next().await? {
                // Whether the place is one to send messages to, a connect will say.
                Event::Endpoint(_) => return Ok::<_, ConnectError>(Detection::Mine),
                Event::Message(_) => return Ok(Detection::NotMine),
                Event::Other => {}
            }
        }
    };
    match timeout_at(request.deadline(), exchange).await {
        // It answers, and not with a stream of events.
        Ok(Err(error)) if matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol) => {
            Ok(Detection::NotMine)
        }
        Ok(answer) => answer,
        Err(_) => Err(ConnectError::new(FaultKind::Timeout)),
    }
}
