//! The parts of a request that its key follows from.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderValue};

use crate::{
    extend::Credential,
    handler::HandlerFactory,
    limits::caller_lane,
    time::Timestamp,
    types::{Endpoint, Identity, Principal, Scope},
};

/// The parts of a request that its key follows from.
///
/// What a hit needs comes first.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct RequestParts {
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) endpoint: Endpoint,
    pub(crate) principal: Principal,
    /// The identity, where the caller of the pool knows it already.
    pub(crate) identity: Option<Identity>,
    pub(crate) scope: Scope,
    pub(crate) handlers: Option<Arc<dyn HandlerFactory>>,
    /// The caller among those of its principal. No part of the key.
    pub(crate) caller: Option<Arc<str>>,
    /// The caller's lane in the queue of a key, once it was needed.
    pub(crate) lane: OnceLock<u64>,
}

/// What an equal request is recognised by: its parts, with the identity headers alone.
pub(crate) struct KnownRequest {
    pub(crate) endpoint: Endpoint,
    pub(crate) principal: Principal,
    pub(crate) scope: Scope,
    /// The values of the identity headers, each with the position of its name.
    pub(crate) values: Box<[(usize, HeaderValue)]>,
    pub(crate) handlers: Option<Arc<dyn HandlerFactory>>,
}

impl RequestParts {
    /// The lane of the caller among those who wait for one key.
    pub(crate) fn lane(&self) -> u64 {
        let lane = || caller_lane(&self.principal, self.caller.as_deref());
        *self.lane.get_or_init(lane)
    }

    /// The credential that came with the request, which ends at `ends_at`.
    pub(crate) fn credential(&self, ends_at: Timestamp) -> Credential {
        Credential {
            headers: Arc::clone(&self.headers),
            ends_at,
        }
    }
}

impl KnownRequest {
    /// True when the parts are equal, apart from the header values.
    pub(crate) fn matches(&self, parts: &RequestParts) -> bool {
        let same_handlers = match (&self.handlers, &parts.handlers) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_handlers
            && self.endpoint == parts.endpoint
            && self.principal == parts.principal
            && self.scope == parts.scope
    }
}
