//! One request to one upstream.

use std::sync::Arc;

use mcp_pool_core::{PooledClient, error::CallError};
use rmcp::{ErrorData, RoleServer, model::ErrorCode, service::RequestContext};

use super::handler::ProxyHandler;
use crate::{
    fault::Fault,
    translate::{Progress, Uris, is_stateless},
    upstreams::Upstream,
};

impl ProxyHandler {
    /// Runs `call` with a client of the upstream: progress is passed on, questions of the upstream go
    /// to the stream of this request, and a cancellation ends the call.
    ///
    /// # Errors
    /// What the failure comes to for the client.
    pub(super) async fn run<T, F>(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
        call: impl FnOnce(PooledClient) -> F + Send,
    ) -> Result<T, ErrorData>
    where
        F: Future<Output = Result<T, CallError>> + Send,
    {
        let result = self.attempt(upstream, context, call).await?;
        result.map_err(|error| self.refusal(context, &Fault::of(&error)))
    }

    /// As [`run`](Self::run), with the call's own error.
    ///
    /// # Errors
    /// The request is refused before it becomes a call, or its client has cancelled it.
    pub(super) async fn attempt<T, F>(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
        call: impl FnOnce(PooledClient) -> F + Send,
    ) -> Result<Result<T, CallError>, ErrorData>
    where
        F: Future<Output = Result<T, CallError>> + Send,
    {
        let client = self.proxy.pool.client(self.request(upstream, context)?);
        let client = match client.await {
            Ok(client) => client,
            Err(error) => return Ok(Err(CallError::Acquire(Arc::new(error)))),
        };
        let flights = &self.conversation.in_flight;
        let _flight = flights.begin(upstream.name(), context.id.clone());
        let (client, progress) = Progress::of(client, context);
        let call = call(client);
        let running = async {
            match progress {
                Some(progress) => progress.while_running(call).await,
                None => call.await,
            }
        };
        tokio::select! {
            result = running => Ok(result),
            // The dropped call tells the upstream.
            () = context.ct.cancelled() => Err(cancelled()),
        }
    }

    /// What a failure comes to for the client of a request.
    pub(super) fn refusal(&self, context: &RequestContext<RoleServer>, fault: &Fault) -> ErrorData {
        match is_stateless(context) {
            true => fault.to_error(),
            false => fault.to_error_for(&self.conversation.capabilities()),
        }
    }

    /// The names of the upstream's resources.
    pub(super) fn uris<'a>(&'a self, upstream: &'a Upstream) -> Uris<'a> {
        Uris {
            upstream: upstream.name(),
            policy: self.proxy.uris.as_ref(),
        }
    }
}

fn cancelled() -> ErrorData {
    ErrorData::new(ErrorCode::INVALID_REQUEST, "cancelled by the client", None)
}
