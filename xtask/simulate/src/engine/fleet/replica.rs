//! A replica: a pool over the model of the server.

use std::time::Duration;

use async_trait::async_trait;
use mcp_pool_core::{
    Endpoint, Fleet, PoolConfig, Principal, Scope, SessionPool, TransportKind,
    error::{CallFailure, ConnectError, FaultKind, Outcome},
    extend::{
        Answer, CallContext, CloseOutcome, ConnectRequest, Connector, DetectOutcome, Era,
        ParkedSession, Session, SessionDriver, SessionInfo, SessionPeer, Support,
    },
};
use rmcp::model::{CallToolResult, ClientRequest, ServerResult};
use tokio::time::sleep;

use super::{
    super::numbers::Numbers,
    directory::{FailingDirectory, secret},
    model::{Model, Use},
};

/// The lease of the replicas of a world.
pub(super) const LEASE: Duration = Duration::from_millis(600);

/// The pool of a replica.
pub(super) fn pool(
    number: usize,
    directory: &FailingDirectory,
    numbers: &mut Numbers,
) -> crate::Result<SessionPool> {
    let config = PoolConfig::default()
        .with_max_sessions_per_key(1 + numbers.below(2))
        .with_acquire_timeout(Duration::from_millis(400))
        .with_session_create_timeout(Duration::from_millis(400))
        .with_call_timeout(Duration::from_millis(800))
        .with_close_timeout(Duration::from_millis(100))
        .with_session_ttl(Duration::from_secs(36_000))
        .with_idle_pool_eviction(numbers.pick(&[
            Duration::from_millis(150),
            Duration::from_millis(1_500),
            Duration::from_secs(3_600),
        ]));
    let budget = numbers.pick(&[5, 30, 200]);
    let fleet = Fleet::new(directory.clone(), secret())
        .with_lease(LEASE)
        .with_budget(Duration::from_millis(budget));
    let connector = ModelConnector {
        model: directory.model.clone(),
        replica: number,
        delay: numbers.pick(&[0, 1, 40]),
    };
    let builder = SessionPool::builder().config(config).connector(connector);
    Ok(builder.random_seed(numbers.next()).fleet(fleet).build()?)
}

/// The endpoint of the model.
pub(super) fn endpoint() -> crate::Result<Endpoint> {
    let endpoint = Endpoint::streamable_http("http://model.example/mcp")?;
    Ok(endpoint.with_lifecycle(mcp_pool_core::config::Lifecycle::Legacy))
}

struct ModelConnector {
    model: Model,
    replica: usize,
    /// How long a connect takes, in milliseconds.
    delay: u64,
}

impl ModelConnector {
    fn session(&self, using: Use) -> Session {
        let model = self.model.clone();
        let info = SessionInfo::new(Era::Legacy, "2025-11-25");
        Session::new(ModelDriver { model, using }, info)
    }
}

#[async_trait]
impl Connector for ModelConnector {
    fn kind(&self) -> TransportKind {
        TransportKind::STREAMABLE_HTTP
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        sleep(Duration::from_millis(self.delay)).await;
        let is_exclusive = *request.key().scope() == Scope::Identity;
        let user = name_of(request.key().principal());
        let using = self.model.lock().open(&user, is_exclusive, self.replica);
        Ok(self.session(using))
    }

    async fn revive(
        &self,
        _request: &ConnectRequest,
        parked: ParkedSession,
    ) -> Result<Session, ConnectError> {
        let text = String::from_utf8_lossy(parked.as_bytes());
        let number = text.parse();
        let number = number.map_err(|_| ConnectError::new(FaultKind::Other))?;
        let mut model = self.model.lock();
        model.counts.revived += 1;
        let using = model.go_on(number, self.replica);
        drop(model);
        Ok(self.session(using))
    }

    async fn detect(&self, _request: &ConnectRequest) -> Result<Support, ConnectError> {
        Ok(Support::Supported)
    }

    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        Ok(DetectOutcome::Connected(self.connect(request).await?))
    }
}

/// What the model calls a principal.
pub(super) fn name_of(principal: &Principal) -> String {
    format!("{principal:?}")
}

struct ModelDriver {
    model: Model,
    using: Use,
}

#[async_trait]
impl SessionDriver for ModelDriver {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        Err(CallFailure::new(Outcome::NotExecuted, FaultKind::Other))
    }

    async fn call(
        &self,
        request: ClientRequest,
        _context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        if let ClientRequest::CallToolRequest(call) = &request {
            let arguments = call.params.arguments.as_ref();
            let began = arguments.and_then(|it| it.get("began")?.as_u64());
            if !self
                .model
                .lock()
                .call(self.using, began.unwrap_or_default())
            {
                let gone = FaultKind::SessionGone;
                return Err(CallFailure::new(Outcome::NotExecuted, gone));
            }
        }
        let result = CallToolResult::success(Vec::new());
        Ok(Answer::from_result(ServerResult::CallToolResult(result)))
    }

    fn is_over(&self) -> bool {
        false
    }

    fn park(&self) -> Option<ParkedSession> {
        let number = self.using.session.to_string();
        Some(ParkedSession::from_bytes(number.into_bytes()))
    }

    async fn close(&self, _timeout: Duration) -> CloseOutcome {
        self.model.lock().sessions[self.using.session].is_open = false;
        CloseOutcome::Completed
    }
}
