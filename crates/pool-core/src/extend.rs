//! The seams: what others implement, and the types that these traits take and return.

pub use crate::{
    connector::{ConnectRequest, Connector, Detection},
    credentials::{CallContext, CallerHeaders, CredentialRequest, CredentialSource, Credentials},
    detached::open_detached,
    digest::Fingerprint,
    handler::{
        ClientHandlerBox, HandlerFactory, HandlerFn, ListKind, NoopHandlers, ServerEvent,
        ServerMessage, ServerMessages, ServerMessagesReceiver, with_schema_defaults,
    },
    headers::upstream_headers,
    identity::{HeaderIdentity, Identity, IdentityExtractor},
    negotiation::{handshake_error, negotiated_version, protocol_violation},
    observe::Observer,
    probe::ProbePlan,
    propagate::ContextPropagator,
    session::{
        CloseNotifier, CloseOutcome, Era, RunningSession, Session, SessionDriver, SessionInfo,
    },
};
