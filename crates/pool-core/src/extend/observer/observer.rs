//! The seam for metrics, logs and audits.

use std::sync::Arc;

use super::events::{
    AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, Closed, ConnectFailed,
    Connected, Detected, KeyCreated, KeyEvicted, LeaseOverdue, ListChanged, PartlyRead,
    QuotaReached, Released, Resized, ServerStreamChanged, ToolsListed,
};

/// Receives every event of a pool. All methods do nothing by default.
///
/// Methods are called inline, some of them on the path of every acquire: they must be quick and
/// must not block, and they must not call into the pool.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use mcp_pool_core::{event::Closed, extend::Observer};
///
/// #[derive(Default)]
/// struct CountCloses(AtomicU64);
///
/// impl Observer for CountCloses {
///     fn closed(&self, event: &Closed<'_>) {
///         println!("closed: {}", event.reason().as_str());
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
/// ```
#[expect(unused_variables, reason = "the defaults do nothing")]
pub trait Observer: Send + Sync {
    /// A pool was built. An observer that reads figures off the pool, such as how many sessions
    /// are idle, keeps the event's handle for that; it must not use it inside of an event.
    fn built(&self, event: &Built<'_>) {}
    /// A caller got a session.
    fn acquired(&self, event: &Acquired<'_>) {}
    /// A caller got no session.
    fn acquire_failed(&self, event: &AcquireFailed<'_>) {}
    /// A lease ended.
    fn released(&self, event: &Released<'_>) {}
    /// A lease is held for too long.
    fn lease_overdue(&self, event: &LeaseOverdue<'_>) {}
    /// A session was opened.
    fn connected(&self, event: &Connected<'_>) {}
    /// A session could not be opened.
    fn connect_failed(&self, event: &ConnectFailed<'_>) {}
    /// The pool detected the transport of an address.
    fn detected(&self, event: &Detected<'_>) {}
    /// An idle session was checked.
    fn checked(&self, event: &Checked<'_>) {}
    /// A session was closed, farewell included.
    fn closed(&self, event: &Closed<'_>) {}
    /// A key was created, for the first time or after its removal.
    fn key_created(&self, event: &KeyCreated<'_>) {}
    /// A key was removed.
    fn key_evicted(&self, event: &KeyEvicted<'_>) {}
    /// A key or a caller began to wait for a quota.
    fn quota_reached(&self, event: &QuotaReached<'_>) {}
    /// The limits of a pool were changed.
    fn resized(&self, event: &Resized<'_>) {}
    /// The circuit of an endpoint changed.
    fn breaker_changed(&self, event: &BreakerChanged<'_>) {}
    /// A call of a [`PooledClient`](crate::PooledClient) ended.
    fn call_finished(&self, event: &CallFinished<'_>) {}
    /// A session received a list change.
    fn list_changed(&self, event: &ListChanged<'_>) {}
    /// A client requested its tools while the pool caches tool lists.
    fn tools_listed(&self, event: &ToolsListed<'_>) {}
    /// A result had parts that cannot be read, and was returned without them.
    fn partly_read(&self, event: &PartlyRead<'_>) {}
    /// The stream for messages of a session's server that belong to no call changed.
    fn server_stream_changed(&self, event: &ServerStreamChanged<'_>) {}
}

/// Implements the observers that pass every event on.
macro_rules! passing_on {
    ($($method:ident($event:ident),)*) => {
        impl<T: Observer + ?Sized> Observer for Arc<T> {
            $(#[inline]
            fn $method(&self, event: &$event<'_>) {
                (**self).$method(event);
            })*
        }

        /// Both receive every event, the first one first.
        impl<A: Observer, B: Observer> Observer for (A, B) {
            $(#[inline]
            fn $method(&self, event: &$event<'_>) {
                self.0.$method(event);
                self.1.$method(event);
            })*
        }
    };
}

passing_on! {
    built(Built),
    acquired(Acquired),
    acquire_failed(AcquireFailed),
    released(Released),
    lease_overdue(LeaseOverdue),
    connected(Connected),
    connect_failed(ConnectFailed),
    detected(Detected),
    checked(Checked),
    closed(Closed),
    key_created(KeyCreated),
    key_evicted(KeyEvicted),
    quota_reached(QuotaReached),
    resized(Resized),
    breaker_changed(BreakerChanged),
    call_finished(CallFinished),
    list_changed(ListChanged),
    tools_listed(ToolsListed),
    partly_read(PartlyRead),
    server_stream_changed(ServerStreamChanged),
}
