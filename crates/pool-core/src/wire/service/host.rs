//! What a service on demand needs of its session.

use crate::{
    handler::HandlerOwner,
    wire::{inbox_bounds::InboxBounds, message::RequestIds, wire::SharedWire},
};

/// What a service on demand needs of its session besides the handler: one reference to its inbox in place of
/// one to each part.
pub(in crate::wire) trait ServiceHost: HandlerOwner {
    /// The session, while it is open.
    fn wire(&self) -> Option<SharedWire>;
    /// The ids of the session's requests.
    fn request_ids(&self) -> &RequestIds;
    /// The bounds for messages that wait.
    fn bounds(&self) -> &InboxBounds;
}
