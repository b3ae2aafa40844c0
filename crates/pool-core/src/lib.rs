#![doc = include_str!("../README.md")]

// What users and extensions meet.
mod client;
mod config;
mod connector;
mod credentials;
mod endpoint;
mod error;
mod fault;
mod handler;
mod headers;
mod health;
mod identity;
mod key;
mod lifecycle;
mod observe;
mod pool;
mod principal;
mod probe;
mod propagate;
mod scope;
mod session;
mod transport_kind;

// What it is made of.
mod breaker;
mod bucket;
mod digest;
mod expiry;
mod moment;
mod tools;
mod trace;

pub use breaker::BreakerState;
pub use client::{Listening, PooledClient};
pub use config::{ConfigError, PoolConfig};
pub use connector::{ConnectRequest, Connector, Detection};
pub use credentials::{
    CallContext, CallerHeaders, CredentialError, CredentialRequest, CredentialSource, Credentials,
};
pub use digest::Fingerprint;
pub use endpoint::{Endpoint, EndpointError};
pub use error::{AcquireError, CallError, CallFailure, ConnectError, InputError, Outcome, Stage};
pub use fault::{Challenge, FaultKind, Retry};
pub use handler::{
    ClientHandlerBox, HandlerFactory, HandlerFn, Heard, ListKind, ServerMessage, ServerMessages,
    ServerMessagesReceiver, SilentHandlers, with_schema_defaults,
};
pub use headers::{PER_REQUEST_HEADERS, upstream_headers};
pub use health::HealthError;
pub use identity::{
    DEFAULT_IDENTITY_HEADERS, ExtractError, ExtractFault, HeaderIdentity, Identity,
    IdentityExtractor, OnExtractError,
};
pub use key::PoolKey;
pub use lifecycle::Lifecycle;
pub use observe::{
    AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, CloseReason, Closed,
    ConnectFailed, Connected, Detected, KeyCreated, KeyEvicted, ListChanged, Observer, Released,
    ToolsListed,
};
pub use pool::{
    AcquireRequest, BreakerStats, CloseReport, EndpointStats, KeyCondition, KeyCursor, KeyError,
    KeyOrder, KeyPage, KeyQuery, KeyStats, Lease, PoolBuilder, PoolStats, RevokeReport,
    SessionPool, WeakPool,
};
pub use principal::Principal;
pub use probe::{CheckError, Probe, ProbePlan};
pub use propagate::ContextPropagator;
pub use rmcp;
pub use scope::{ConversationId, Scope};
pub use session::{
    Era, Farewell, RunningSession, Session, SessionAlarm, SessionDriver, SessionInfo,
};
pub use transport_kind::TransportKind;
