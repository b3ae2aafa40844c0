//! One opaque struct per event; fields may come, none goes.

use std::{panic::Location, time::Duration};

use super::{close_reason::CloseReason, pool_handle::PoolHandle};
use crate::{
    error::{AcquireError, CallError, CheckError, ConnectError, Outcome},
    extend::session::{CloseOutcome, ServerStream, SessionInfo},
    handler::ListKind,
    types::{BreakerState, Endpoint, PoolKey, PoolLimits, QuotaKind, TransportKind},
};

/// Defines an event: its fields, and a getter for each.
macro_rules! event {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'a> {
            pub(crate) pool: &'a str,
            $(pub(crate) $field: $type,)*
        }

        impl<'a> $name<'a> {
            /// The name of the pool.
            #[must_use]
            pub fn pool(&self) -> &'a str {
                self.pool
            }

            $($(#[$field_doc])*
            #[must_use]
            pub fn $field(&self) -> $type {
                self.$field
            })*
        }
    };
}

event! {
    /// A pool was built.
    Built {
        /// A handle on the pool that does not keep it open, for later reading.
        handle: &'a dyn PoolHandle,
    }
}

event! {
    /// A caller got a session.
    Acquired {
        /// The key.
        key: &'a PoolKey,
        /// Whether the session was there already (a hit) rather than opened for this (a miss).
        hit: bool,
        /// How long it took.
        waited: Duration,
    }
}

event! {
    /// A caller got no session.
    AcquireFailed {
        /// The endpoint; the key may not have been known yet.
        endpoint: &'a Endpoint,
        /// Why.
        error: &'a AcquireError,
        /// How long it took.
        waited: Duration,
    }
}

event! {
    /// A lease ended.
    Released {
        /// The key.
        key: &'a PoolKey,
        /// How long the session was in use, counted from its acquire.
        used_for: Duration,
        /// Whether its session was used at all.
        used: bool,
        /// Whether the session may be used again.
        reusable: bool,
    }
}

event! {
    /// A lease is held for longer than
    /// [`lease_overdue_after`](crate::config::TimeoutsConfig::lease_overdue_after): it leaks, or its
    /// user hangs.
    LeaseOverdue {
        /// The key.
        key: &'a PoolKey,
        /// What is known of the session.
        session: &'a SessionInfo,
        /// How long the lease is held.
        held_for: Duration,
        /// The line of code that took the lease.
        site: &'static Location<'static>,
    }
}

event! {
    /// A session was opened.
    Connected {
        /// The key.
        key: &'a PoolKey,
        /// What is known of the session.
        session: &'a SessionInfo,
        /// True where another process had opened it, and this one goes on with it.
        revived: bool,
        /// How long it took.
        took: Duration,
    }
}

event! {
    /// A session could not be opened.
    ConnectFailed {
        /// The key.
        key: &'a PoolKey,
        /// Why.
        error: &'a ConnectError,
        /// How long it took.
        took: Duration,
    }
}

event! {
    /// The pool detected the transport of an address.
    Detected {
        /// The endpoint, as the request named it.
        endpoint: &'a Endpoint,
        /// The transport that was found.
        transport: Option<&'a TransportKind>,
        /// Why none was found; `None` when one was.
        error: Option<&'a AcquireError>,
        /// How long it took.
        took: Duration,
    }
}

event! {
    /// An idle session was checked.
    Checked {
        /// The key.
        key: &'a PoolKey,
        /// What came of it; `None` when it is alive.
        error: Option<CheckError>,
        /// How long it took.
        took: Duration,
    }
}

event! {
    /// A session was closed.
    Closed {
        /// The key.
        key: &'a PoolKey,
        /// What is known of the session.
        session: &'a SessionInfo,
        /// Why.
        reason: CloseReason,
        /// How the farewell went.
        outcome: CloseOutcome,
        /// How long the session was open.
        age: Duration,
        /// How often it was handed out.
        uses: u64,
    }
}

event! {
    /// A key was created, for the first time or after its removal.
    KeyCreated {
        /// The key.
        key: &'a PoolKey,
    }
}

event! {
    /// A key was removed.
    KeyEvicted {
        /// The key.
        key: &'a PoolKey,
        /// Why.
        reason: CloseReason,
    }
}

event! {
    /// A key that needs one more session, or a caller that is to call, began to wait for a quota.
    QuotaReached {
        /// The key.
        key: &'a PoolKey,
        /// The quota.
        quota: QuotaKind,
        /// How many sessions or calls it allows.
        limit: usize,
    }
}

event! {
    /// The limits of a pool were changed.
    Resized {
        /// The limits before.
        before: PoolLimits,
        /// The limits now.
        after: PoolLimits,
    }
}

event! {
    /// The circuit of an endpoint changed.
    BreakerChanged {
        /// The endpoint.
        endpoint: &'a Endpoint,
        /// Its state before.
        before: BreakerState,
        /// Its state now.
        after: BreakerState,
        /// The kind of the last failure that counted, as a label; `None` after a close.
        evidence: Option<&'static str>,
        /// The time until the next probe of the endpoint, where one is due.
        next_probe: Option<Duration>,
        /// True while the circuit is open by hand.
        forced: bool,
    }
}

event! {
    /// A call of a pooled client ended.
    CallFinished {
        /// The key.
        key: &'a PoolKey,
        /// The JSON-RPC method.
        method: &'a str,
        /// What is known of its effect.
        outcome: Outcome,
        /// Whether it returned a result.
        ok: bool,
        /// Why it returned none.
        error: Option<&'a CallError>,
        /// True when the result is that of a tool which reports a failure of its own.
        tool_failed: bool,
        /// The session it was sent on last, if it was sent at all.
        session: Option<&'a SessionInfo>,
        /// How long it took, waiting for a session included.
        took: Duration,
        /// How much of that was waiting for a session.
        waited: Duration,
    }
}

event! {
    /// A session received a list change.
    ListChanged {
        /// The key.
        key: &'a PoolKey,
        /// The list.
        list: ListKind,
    }
}

event! {
    /// A client requested its tools while the pool caches tool lists.
    ToolsListed {
        /// The key.
        key: &'a PoolKey,
        /// True when the list was cached (a hit) rather than requested from the server (a miss).
        hit: bool,
    }
}

event! {
    /// A result had parts that cannot be read. The caller got the others.
    PartlyRead {
        /// The key.
        key: &'a PoolKey,
        /// The JSON-RPC method.
        method: &'a str,
        /// How many parts were left out: items, content blocks and fields.
        left_out: usize,
    }
}

event! {
    /// The stream of a session on which its server sends messages that belong to no call was opened,
    /// broke off or was refused.
    ServerStreamChanged {
        /// The key.
        key: &'a PoolKey,
        /// Its state before.
        before: ServerStream,
        /// Its state now.
        after: ServerStream,
    }
}
