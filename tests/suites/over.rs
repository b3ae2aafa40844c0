//! The transports and eras that a test runs over.

use mcp_pool_testkit::ScriptedServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolBuilder, PoolConfig, Principal, SessionPool, SseConnector,
    StreamableHttpConnector, config::Lifecycle,
};

/// A transport and an era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    LegacyHttp,
    Sse,
    StatelessHttp,
}

impl Over {
    /// Every transport and era.
    pub(crate) const ALL: [Self; 3] = [Self::LegacyHttp, Self::Sse, Self::StatelessHttp];

    /// Those with sessions.
    pub(crate) const IN_SESSIONS: [Self; 2] = [Self::LegacyHttp, Self::Sse];

    pub(crate) fn endpoint(self, server: &ScriptedServer) -> Endpoint {
        match self {
            Self::LegacyHttp => server.endpoint(Lifecycle::Legacy),
            Self::Sse => server.sse_endpoint(),
            Self::StatelessHttp => server.endpoint(Lifecycle::Stateless),
        }
    }

    /// A request of this user for the server.
    pub(crate) fn request(self, server: &ScriptedServer, user: &str) -> AcquireRequest {
        AcquireRequest::new(self.endpoint(server), Principal::user(user))
    }
}

/// A builder of a pool over both transports.
pub(crate) fn builder(config: PoolConfig) -> PoolBuilder {
    SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
}

/// A pool over both transports.
pub(crate) fn pool() -> SessionPool {
    builder(PoolConfig::default()).build().expect("a pool")
}
