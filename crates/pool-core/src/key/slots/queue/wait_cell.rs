//! What a waiter shares with those who serve it.

use std::{sync::Arc, task::Waker};

use super::super::{
    super::sync::{Mutex, MutexGuard, exclusive, lock},
    types::{Caller, Grant, Slot},
};

/// What a waiter shares with those who serve it. Either it comes for its grant, or it
/// [leaves](super::super::Slots::leave).
///
/// It comes for its grant without the lock of its key, and most grants come without it, too: each use of that lock
/// takes its memory from the core that used it before.
pub(crate) struct WaitCell<M, W: Caller, T>(Arc<Mutex<Inner<M, W, T>>>);

/// A waiter that was taken out of the queue.
pub(in super::super) struct Called<M, W: Caller, T> {
    pub(in super::super) cell: WaitCell<M, W, T>,
    pub(in super::super) waker: Waker,
}

struct Inner<M, W: Caller, T> {
    content: Content<M, W, T>,
    /// Set by a waiter that is polled while its grant is on its way.
    waker: Option<Waker>,
    caller: Option<W>,
}

/// What is in the cell of a waiter.
pub(in super::super) enum Content<M, W: Caller, T> {
    /// Its grant is still to come.
    Nothing,
    Grant(Grant<M, W, T>),
    /// It has come for its grant, or has left.
    Gone,
}

impl<M, W: Caller, T> WaitCell<M, W, T> {
    /// Gives the cell to a caller that is to wait.
    #[inline(always)]
    pub(crate) fn fill(&mut self, caller: impl FnOnce() -> W) {
        let Some(inner) = Arc::get_mut(&mut self.0) else {
            *self = Self::default();
            self.lock().caller = Some(caller());
            return;
        };
        let inner = exclusive(inner);
        inner.content = Content::Nothing;
        inner.caller = Some(caller());
    }

    /// Whether the cell may be given to another waiter: its own has come for its grant, so that nothing of it is
    /// left, and no one else has the cell.
    #[inline(always)]
    pub(crate) fn is_free(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    #[inline(always)]
    pub(in super::super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Gives the waiter a slot. Returns the waker that it has set meanwhile.
    ///
    /// # Errors
    /// The slot, when the waiter has left.
    #[inline(always)]
    pub(in super::super) fn put(&self, slot: Slot<M, T>) -> Result<Option<Waker>, Slot<M, T>> {
        let mut inner = self.lock();
        if let Content::Gone = inner.content {
            return Err(slot);
        }
        inner.content = Content::Grant(Ok(slot));
        Ok(inner.waker.take())
    }

    /// Gives the waiter an error. It has not left.
    pub(in super::super) fn fail(&self, error: impl FnOnce(&W) -> W::Error) {
        let mut inner = self.lock();
        if let Some(caller) = &inner.caller {
            inner.content = Content::Grant(Err(error(caller)));
        }
    }

    /// What the waiter got, if it did.
    #[inline(always)]
    pub(in super::super) fn take(&mut self) -> Option<Grant<M, W, T>> {
        // Who gave it has dropped the cell before it woke the waiter.
        match Arc::get_mut(&mut self.0) {
            Some(inner) => exclusive(inner).take(),
            None => self.lock().take(),
        }
    }

    /// What there is for a waiter that is out of the queue. A grant that is on its way wakes this waker.
    pub(in super::super) fn take_or_set(&self, waker: &Waker) -> Content<M, W, T> {
        let mut inner = self.lock();
        if let Content::Nothing = inner.content {
            inner.waker = Some(waker.clone());
            return Content::Nothing;
        }
        inner.end()
    }

    /// The waiter leaves. Returns what it got.
    pub(in super::super) fn leave(&self) -> Option<Grant<M, W, T>> {
        match self.lock().end() {
            Content::Grant(grant) => Some(grant),
            Content::Nothing | Content::Gone => None,
        }
    }

    /// What `of` takes of the caller.
    pub(in super::super) fn with_caller<R>(&self, of: impl FnOnce(&mut W) -> R) -> Option<R> {
        self.lock().caller.as_mut().map(of)
    }

    #[inline(always)]
    fn lock(&self) -> MutexGuard<'_, Inner<M, W, T>> {
        lock(&self.0)
    }
}

impl<M, W: Caller, T> Inner<M, W, T> {
    #[inline(always)]
    fn take(&mut self) -> Option<Grant<M, W, T>> {
        if let Content::Nothing = self.content {
            return None;
        }
        match self.end() {
            Content::Grant(grant) => Some(grant),
            Content::Nothing | Content::Gone => None,
        }
    }

    /// Nothing of the waiter stays.
    #[inline(always)]
    fn end(&mut self) -> Content<M, W, T> {
        self.caller = None;
        self.waker = None;
        std::mem::replace(&mut self.content, Content::Gone)
    }
}

impl<M, W: Caller, T> Default for WaitCell<M, W, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            caller: None,
            content: Content::Nothing,
            waker: None,
        })))
    }
}
