//! Handles of conversations.

use std::{sync::Arc, time::Duration};

use super::session_pool::SessionPool;
use crate::{
    acquire::AcquireRequest,
    client::PooledClient,
    fleet::{FleetLink, HandleError, SessionHandle},
    types::Scope,
};

impl SessionPool {
    /// Seals the session of a conversation into a handle that the gateway's own client may carry, so
    /// that any replica of [`Fleet::of_handles`](crate::Fleet::of_handles) goes on with it, without a
    /// store. It opens a session where the conversation has none.
    ///
    /// The handle is valid for `validity`, and no longer than the session lives or a day. It opens for
    /// all parts of its key alone: it is of no use to another caller. Until it expires, this pool sends
    /// no farewell of its session except for the end of the session itself, an eviction and a
    /// revocation.
    ///
    /// # Errors
    /// - [`HandleError::Acquire`]: the conversation has no session, and none could be opened.
    /// - [`HandleError::NoHandles`]: the pool is none of a fleet of handles.
    /// - [`HandleError::NotAConversation`]: the client's scope is another one.
    /// - [`HandleError::NotSealable`]: the session cannot leave its process, as docs/replicas.md lists.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    pub async fn seal(
        &self,
        conversation: &PooledClient,
        validity: Duration,
    ) -> Result<SessionHandle, HandleError> {
        let fleet = self.fleet_of_handles()?;
        check_scope(conversation.key().scope())?;
        let lease = conversation.acquire().await;
        let lease = lease.map_err(|error| HandleError::Acquire(Arc::new(error)))?;
        let session = lease.session();
        let (held, parked) = (session.held(), session.driver().park());
        match (held, parked) {
            (Some(held), Some(parked)) => fleet.seal_handle(held, parked, validity),
            _ => Err(HandleError::NotSealable),
        }
    }

    /// A client that goes on with the session of a handle. The request is that of the caller who
    /// presents it, with its own credentials; a handle of any other caller, conversation or endpoint is
    /// refused. Where the conversation has a session in this pool already, that one goes on.
    ///
    /// A [revocation](Self::revoke_everywhere) refuses the handles that were sealed before it in this
    /// process alone, by the clocks of the replicas: it returns
    /// [`Reach::LocalOnly`](crate::extend::Reach::LocalOnly).
    ///
    /// # Errors
    /// - [`HandleError::Acquire`]: as [`client`](Self::client).
    /// - [`HandleError::Ended`], [`HandleError::Expired`], [`HandleError::Forged`],
    ///   [`HandleError::Revoked`] or [`HandleError::UnknownKey`]: the handle is not valid, or not for
    ///   this request.
    /// - [`HandleError::NoHandles`]: the pool is none of a fleet of handles.
    /// - [`HandleError::NotAConversation`]: the request's scope is another one.
    ///
    /// # Cancel safety
    /// Safe; a dropped call keeps nothing.
    pub async fn resume(
        &self,
        handle: &SessionHandle,
        request: AcquireRequest,
    ) -> Result<PooledClient, HandleError> {
        let fleet = self.fleet_of_handles()?;
        let client = self.client(request).await;
        let client = client.map_err(|error| HandleError::Acquire(Arc::new(error)))?;
        check_scope(client.key().scope())?;
        let profile = client.profile();
        let name = fleet.name(client.key(), profile.name(), &profile.declared);
        fleet.present_handle(&name, handle)?;
        Ok(client)
    }

    fn fleet_of_handles(&self) -> Result<&Arc<FleetLink>, HandleError> {
        let fleet = self.acquirer.context().fleet.as_ref();
        let fleet = fleet.filter(|fleet| fleet.handles().is_some());
        fleet.ok_or(HandleError::NoHandles)
    }
}

fn check_scope(scope: &Scope) -> Result<(), HandleError> {
    match scope {
        Scope::Conversation(_) => Ok(()),
        _ => Err(HandleError::NotAConversation),
    }
}
