//! Sessions that write and read their messages themselves.

mod background;
mod call_context;
mod call_route;
mod inbox;
mod inbox_bounds;
mod inbox_services;
mod message;
mod over_peer;
mod pending;
mod replies;
mod service;
mod unique_ids;
mod wire;

pub(crate) use background::{Background, BackgroundWork};
pub use call_context::CallContext;
pub(crate) use call_context::RequestIdSlot;
pub use call_route::CallRoute;
pub use inbox::ServerInbox;
pub(crate) use inbox_bounds::{DEFAULT_INBOX_BOUND, InboxBounds};
pub(crate) use inbox_services::InboxServices;
pub use message::{
    Answer, ClientContext, Incoming, IncomingKind, Reading, RequestIds, ResultKind, encode_message,
    encode_request, malformed_answers, named_ids, read_messages,
};
pub(crate) use over_peer::call_over_peer;
pub use pending::{PendingRequest, PendingRequests, ReceivedAnswer};
pub use service::{Delivery, SessionPeer};
pub use unique_ids::UniqueIds;
pub use wire::{Wire, WireCall};
