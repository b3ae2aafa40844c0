#![doc = include_str!("../README.md")]

#[cfg(all(feature = "file-config", feature = "oauth"))]
mod configured_oauth;

pub use mcp_pool_core::*;
#[cfg(feature = "directory")]
pub use mcp_pool_directory::{FleetSecret, InMemoryDirectory};
#[cfg(feature = "redis")]
pub use mcp_pool_redis::{RedisDirectory, RedisFailure};
#[cfg(all(feature = "sse", not(feature = "streamable-http")))]
pub use mcp_pool_transport_sse::BuildError;
#[cfg(feature = "sse")]
pub use mcp_pool_transport_sse::{AnnouncementError, SseConnector};
#[cfg(feature = "stdio")]
pub use mcp_pool_transport_stdio::{
    CommandError, StdioCommand, StdioConnector, StdioError, StdioStats,
};
#[cfg(feature = "streamable-http")]
pub use mcp_pool_transport_streamable_http::{BuildError, StreamableHttpConnector};

/// The HTTP client whose builder the connectors take, in the version that they use.
#[cfg(all(feature = "sse", not(feature = "streamable-http")))]
pub use mcp_pool_transport_sse::reqwest;
#[cfg(feature = "streamable-http")]
pub use mcp_pool_transport_streamable_http::reqwest;

/// A live page, as an axum router.
#[cfg(feature = "admin")]
pub mod admin {
    pub use mcp_pool_admin::*;
}

/// Identities from the verified claims of bearer tokens.
#[cfg(feature = "jwt")]
pub mod jwt {
    pub use mcp_pool_identity_jwt::*;
}

/// Pool, upstreams and credentials from a YAML or TOML file.
#[cfg(feature = "file-config")]
pub mod file_config {
    pub use mcp_pool_file_config::*;
}

/// OAuth credentials of upstreams, a token for each principal.
#[cfg(feature = "oauth")]
pub mod oauth {
    pub use mcp_pool_oauth::*;

    #[cfg(feature = "file-config")]
    pub use crate::configured_oauth::configured;
}

/// Upstreams behind one rmcp server handler, as a gateway needs it.
#[cfg(feature = "proxy")]
pub mod proxy {
    pub use mcp_pool_proxy::*;
}

/// OpenTelemetry metrics and traces.
#[cfg(feature = "telemetry")]
pub mod telemetry {
    pub use mcp_pool_telemetry::*;
}
