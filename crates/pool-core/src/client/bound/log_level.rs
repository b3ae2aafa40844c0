//! The level of the log that a key wants.
#![expect(deprecated, reason = "servers of the revisions with sessions do log")]

use futures::future::join_all;
use rmcp::model::{ClientRequest, GetMeta, LoggingLevel, SetLevelRequest, SetLevelRequestParams};
use tokio::time::Instant;

use crate::{
    acquire::Lease,
    client::{
        call::Call,
        pooled_client::PooledClient,
        send::{Failed, send},
        trace_context::own_meta,
    },
    error::{AcquireError, CallError},
    key::PooledSession,
    time::after,
    trace::Target,
    types::{Era, Scope},
};

impl PooledClient {
    /// Sets the least level of the log messages that the server sends to this caller's
    /// [handlers](crate::extend::HandlerFactory), for all sessions of its key: those that are open, and
    /// each one that follows. Of several callers of a key, the last one decides.
    ///
    /// A server with sessions gets `logging/setLevel`, once a session. A server of revision
    /// 2026-07-28 gets nothing now: every later request of the key names the level, unless it names
    /// one of its own. Over another transport, where the pool detects one later, and at a server that
    /// changes its era, the level holds as well. It is forgotten with its key, after
    /// [`idle_pool_eviction`](crate::config::TimeoutsConfig::idle_pool_eviction) without a use.
    /// Default: none is set, and the server decides.
    ///
    /// # Errors
    /// As [`request`](Self::request), and nothing is kept then; [`AcquireError::NoCaller`] under
    /// [`Scope::Shared`](crate::Scope::Shared), where a level would be that of all callers.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request); some sessions may have the level by then.
    pub async fn set_log_level(&self, level: LoggingLevel) -> Result<(), CallError> {
        let mut call = Call::begin(self, "logging/setLevel", Target::None);
        let result = call.set_log_level(level).await;
        call.finish(&result);
        result
    }
}

impl Call<'_> {
    async fn set_log_level(&mut self, level: LoggingLevel) -> Result<(), CallError> {
        if *self.client.key().scope() == Scope::Shared {
            return Err(CallError::of_acquire(AcquireError::NoCaller("logging")));
        }
        loop {
            let lease = self.lease().await?;
            if lease.info().era == Era::Stateless {
                self.keep_level(&lease, level);
                return Ok(());
            }
            match self.send(&lease, set_level(level)).await {
                Ok(_) => {
                    lease.pooled().log_level.set(level);
                    self.keep_level(&lease, level);
                    self.set_on_others(&lease, level).await;
                    return Ok(());
                }
                Err(failed) => Box::pin(self.judge(lease, failed)).await?,
            }
        }
    }

    /// Has the key want the level, over this transport and each other one.
    fn keep_level(&self, lease: &Lease, level: LoggingLevel) {
        let keys = &self.client.acquirer.resolver.keys;
        keys.set_log_level(lease.key_pool(), level);
    }

    /// Sets the level on the other open sessions of the key. One that fails gets it before its next
    /// call.
    async fn set_on_others(&self, lease: &Lease, level: LoggingLevel) {
        let key = lease.key_pool();
        let sessions = key.services.sessions.get(&key.history.open());
        let others = sessions
            .iter()
            .filter(|session| session.id != lease.pooled().id);
        let deadline = self.deadline();
        join_all(others.map(|session| self.set_on(session, level, deadline))).await;
    }

    /// Has the session, or the request, know the level that its key wants.
    pub(in crate::client) async fn bring_log_level(
        &self,
        lease: &Lease,
        request: &mut ClientRequest,
    ) {
        let Some(level) = lease.key_pool().log_level.get() else {
            return;
        };
        let pooled = lease.pooled();
        match lease.info().era {
            Era::Stateless => {
                let own = own_meta(request).is_some_and(|own| own.log_level().is_some());
                let meta = request.get_meta_mut();
                if !own && meta.log_level().is_none() {
                    meta.set_log_level(level);
                }
            }
            Era::Legacy if matches!(request, ClientRequest::SetLevelRequest(_)) => {}
            Era::Legacy if pooled.log_level.get() == Some(level) => {}
            Era::Legacy => {
                let limit = self.client.context().config.health.health_check_timeout;
                let deadline = after(Instant::now(), limit).min(self.deadline());
                self.set_on(pooled, level, deadline).await;
            }
        }
    }

    /// Sets the level on one session. What a failure means, the next call shows.
    async fn set_on(&self, session: &PooledSession, level: LoggingLevel, deadline: Instant) {
        let sent = send(session, set_level(level), &self.client.context, deadline).await;
        // A server that refuses it gets it no second time.
        if let Ok(_) | Err(Failed::Answered(_)) = sent {
            session.log_level.set(level);
        }
    }
}

fn set_level(level: LoggingLevel) -> ClientRequest {
    let params = SetLevelRequestParams::new(level);
    ClientRequest::SetLevelRequest(SetLevelRequest::new(params))
}
