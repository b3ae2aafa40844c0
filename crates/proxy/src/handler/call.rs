//! One request to one upstream.

use mcp_pool_core::{PooledClient, error::CallError};
use rmcp::{ErrorData, RoleServer, model::ErrorCode, service::RequestContext};

use super::handler::ProxyHandler;
use crate::{
    fault::Fault,
    translate::{Progress, Uris},
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
        let client = self.client(upstream, context).await?;
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
            result = running => result.map_err(|error| Fault::of(&error).to_error()),
            // The dropped call tells the upstream.
            () = context.ct.cancelled() => Err(cancelled()),
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
