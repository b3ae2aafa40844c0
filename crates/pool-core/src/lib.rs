#![doc = include_str!("../README.md")]

// What users and extensions meet.
mod connector;
mod credentials;
mod endpoint;
mod error;
mod fault;
mod handler;
mod headers;
mod identity;
mod key;
mod principal;
mod probe;
mod scope;
mod session;
mod transport_kind;

// What it is made of.
mod digest;

pub use connector::{ConnectRequest, Connector};
pub use credentials::{
    CallContext, CallerHeaders, CredentialError, CredentialRequest, CredentialSource, Credentials,
};
pub use digest::Fingerprint;
pub use endpoint::{Endpoint, EndpointError};
pub use error::{AcquireError, CallError, CallFailure, ConnectError, Outcome, Stage};
pub use fault::{Challenge, FaultKind, Retry};
pub use handler::{ClientHandlerBox, HandlerFactory, SilentHandlers};
pub use headers::upstream_headers;
pub use identity::{
    DEFAULT_IDENTITY_HEADERS, ExtractError, ExtractFault, HeaderIdentity, Identity,
    IdentityExtractor, OnExtractError,
};
pub use key::PoolKey;
pub use principal::Principal;
pub use probe::{CheckError, Probe, ProbePlan};
pub use rmcp;
pub use scope::{ConversationId, Scope};
pub use session::{
    Era, Farewell, RunningSession, Session, SessionAlarm, SessionDriver, SessionInfo,
};
pub use transport_kind::TransportKind;
