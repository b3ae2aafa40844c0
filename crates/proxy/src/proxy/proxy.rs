//! Upstreams behind one handler.

use std::{fmt, sync::Arc, time::Duration};

use mcp_pool_core::SessionPool;

use crate::{handler::ProxyHandler, streams::StreamLayer, upstreams::Inner};

/// One upstream or several behind one rmcp server. Cheap to clone.
///
/// [`handler`](Self::handler) makes the rmcp `ServerHandler` of one downstream session, as
/// `StreamableHttpService` wants it. See the [crate documentation](crate).
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

impl Proxy {
    /// The handler of one downstream session.
    #[must_use]
    pub fn handler(&self) -> ProxyHandler {
        ProxyHandler::new(Arc::clone(&self.0))
    }

    /// Ends what would keep a server from stopping although no call runs: subscriptions, and the
    /// streams behind [`stream_layer`](Self::stream_layer). Calls go on to their ends.
    ///
    /// A graceful shutdown takes three steps: the server stops to accept connections and this is
    /// called, the server's connections end within a deadline, and the pool is closed.
    pub fn end_streams(&self) {
        self.0.shutdown.cancel();
    }

    /// A tower layer for the routes of the proxy: the streams of GET requests, on which nothing but
    /// notifications comes, end with [`end_streams`](Self::end_streams).
    #[must_use]
    pub fn stream_layer(&self) -> StreamLayer {
        StreamLayer::new(self.0.shutdown.clone())
    }

    /// Waits for the end of a server that shuts down, for at most `deadline` after
    /// [`end_streams`](Self::end_streams) was called. `None`: calls were cut off.
    ///
    /// # Cancel safety
    /// Ends the server.
    pub async fn until_drained<T>(
        &self,
        server: impl Future<Output = T>,
        deadline: Duration,
    ) -> Option<T> {
        let overdue = async {
            self.0.shutdown.cancelled().await;
            tokio::time::sleep(deadline).await;
        };
        tokio::select! {
            ended = server => Some(ended),
            () = overdue => None,
        }
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &SessionPool {
        &self.0.pool
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("upstreams", &self.0.upstreams)
            .finish_non_exhaustive()
    }
}
