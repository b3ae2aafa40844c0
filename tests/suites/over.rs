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

/// True once sessions over HTTP+SSE write and read their messages themselves.
const SSE_WRITES_ITS_MESSAGES: bool = false;

impl Over {
    /// Every transport and era.
    pub(crate) const ALL: [Self; 3] = [Self::LegacyHttp, Self::Sse, Self::StatelessHttp];

    /// The transports and eras whose sessions write and read their messages themselves.
    pub(crate) fn own_messages() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|over| *over != Self::Sse || SSE_WRITES_ITS_MESSAGES)
    }

    /// Those of them with sessions.
    pub(crate) fn own_messages_in_sessions() -> impl Iterator<Item = Self> {
        Self::own_messages().filter(|over| *over != Self::StatelessHttp)
    }

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
