//! Messages that no turn holds up.

use std::{any::Any, sync::Arc};

use rmcp::{RoleClient, service::RxJsonRpcMessage};
use tokio::sync::OwnedSemaphorePermit;

use crate::handler::SealedAnswer;

/// A message that no turn holds up: a request of the server, the answer to one of rmcp's, or a
/// notification that is no handler's.
pub(super) struct Urgent {
    pub(super) message: RxJsonRpcMessage<RoleClient>,
    pub(super) request: Option<OpenRequest>,
}

/// A request of the server that its handler has not answered. Keeps the service running.
pub(super) struct OpenRequest {
    pub(super) answer: SealedAnswer,
    pub(super) _service: Arc<dyn Any + Send + Sync>,
    pub(super) _permit: OwnedSemaphorePermit,
}
