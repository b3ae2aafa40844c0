//! The seams: what others implement, and the types that these traits take and return.

pub(crate) mod connect_request;
pub(crate) mod connector;
pub(crate) mod credentials;
pub(crate) mod detached;
pub(crate) mod directory;
pub(crate) mod health_check;
pub(crate) mod hooks;
pub(crate) mod identity;
pub(crate) mod negotiation;
pub(crate) mod observer;
pub(crate) mod propagator;
pub(crate) mod refused_revision;
pub(crate) mod session;
pub(crate) mod share_policy;
pub(crate) mod single_flight;

pub use crate::handler::{
    ClientHandlerBox, HandlerFactory, HandlerFn, ListKind, NoopHandlers, ServerEvent,
    ServerMessage, ServerMessages, ServerMessagesReceiver, with_schema_defaults,
};
pub use crate::types::{Era, Fingerprint, Identity, is_reserved_header, upstream_headers};
pub use crate::wire::{
    Answer, CallContext, CallRoute, ClientContext, Delivery, Incoming, IncomingKind,
    PendingRequest, PendingRequests, Reading, ReceivedAnswer, RequestIds, ResultKind, ServerInbox,
    SessionPeer, UniqueIds, Wire, WireCall, encode_message, encode_request, malformed_answers,
    named_ids, read_messages,
};
pub use connect_request::ConnectRequest;
pub use connector::{Connector, DetectOutcome, EndpointProbe, Support};
pub use credentials::{
    CallerHeaders, CredentialRefusal, CredentialRequest, CredentialSource, Credentials, HttpTarget,
    RequestKind, RequestTarget,
};
pub(crate) use credentials::{Credential, KeyCredentials, LatestCredentials};
pub use detached::{open_detached, run_detached};
pub use directory::{
    Beat, Claim, ClaimRequest, DirectoryError, Fence, FleetKey, FleetMark, Holding, ParkedSession,
    Reach, Removal, Removed, ReplicaId, Revoked, SealError, SealedSession, SessionDirectory,
    SessionRef, SessionSeal, Sharing,
};
pub(crate) use directory::{Claimed, Held, Tenure, hex};
pub(crate) use health_check::Probe;
pub use health_check::ProbePlan;
pub use hooks::Hooks;
pub(crate) use identity::{DEFAULT_IDENTITY_HEADERS, OnExtractError};
pub use identity::{HeaderIdentity, IdentityExtractor};
pub use negotiation::{
    check_version, handshake_error, initialize_request, initialize_request_in, initialize_result,
    negotiated_version, protocol_violation,
};
pub(crate) use observer::{
    AcquireFailed, Acquired, BreakerChanged, Built, Checked, CloseReason, Closed, ConnectFailed,
    Connected, KeyCreated, KeyEvicted, LeaseOverdue, ListChanged, QuotaReached, Released, Resized,
    ServerStreamChanged,
};
pub use observer::{Observer, PoolHandle};
pub use propagator::ContextPropagator;
pub use refused_revision::RefusedRevision;
pub use session::{
    CloseNotifier, CloseOutcome, RunningSession, ServerStream, ServerStreamState, Session,
    SessionDriver, SessionInfo, SessionMetadata, WatchedTransport,
};
pub(crate) use session::{SlotsByEra, SlotsCell};
pub(crate) use share_policy::ShareHolder;
pub use share_policy::{Fair, Fifo, Share, SharePolicy};
pub use single_flight::{Flight, Follower, Leader, SingleFlight};
