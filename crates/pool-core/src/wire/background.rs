//! Work that outlives the future it belongs to.

use std::{fmt, pin::Pin, sync::Arc};

/// Work for a task that exists already.
pub(crate) type BackgroundWork = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs work that outlives the future it belongs to, such as the cancellation of a request whose
/// caller is gone: a drop has no runtime that it could rely on.
#[derive(Clone)]
pub(crate) struct Background(Arc<dyn Fn(BackgroundWork) + Send + Sync>);

impl Background {
    /// Hands work over by calling `run`, which must not block.
    pub(crate) fn new(run: impl Fn(BackgroundWork) + Send + Sync + 'static) -> Self {
        Self(Arc::new(run))
    }

    /// Hands over work.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        (self.0)(Box::pin(work));
    }
}

impl Default for Background {
    /// Without a pool: on the current runtime, where there is one.
    fn default() -> Self {
        Self::new(|work| {
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(work);
            }
        })
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Background")
    }
}
