//! One request to one upstream.

use mcp_pool_core::{
    PooledClient,
    error::{AcquireError, CallError},
};
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
        let request = self.request(upstream, context)?;
        if self.conversation.losses.take_unreported(upstream.name()) {
            return Ok(Err(CallError::SessionLost));
        }
        let client = match self.proxy.client(request).await {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
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
            result = running => {
                self.follow(upstream, context, result.as_ref().err());
                Ok(result)
            }
            // The dropped call tells the upstream.
            () = context.ct.cancelled() => Err(cancelled()),
        }
    }

    /// Follows an upstream to another era: a call shows that its session was lost, and a later one that
    /// it is there again.
    fn follow(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
        failure: Option<&CallError>,
    ) {
        let losses = &self.conversation.losses;
        match failure {
            Some(failure) if is_session_lost(failure) => losses.note_unknown_era(upstream.name()),
            None if losses.take_unknown_era(upstream.name()) => {
                self.listen_for_session_at(upstream, &context.extensions, true);
            }
            _ => {}
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

/// True where the upstream has lost the session, and what the client did in it.
pub(super) fn is_session_lost(error: &CallError) -> bool {
    match error {
        CallError::SessionLost => true,
        CallError::Acquire(error) => matches!(**error, AcquireError::SessionLost),
        _ => false,
    }
}

fn cancelled() -> ErrorData {
    ErrorData::new(ErrorCode::INVALID_REQUEST, "cancelled by the client", None)
}
