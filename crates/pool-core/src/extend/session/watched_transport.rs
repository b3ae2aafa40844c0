//! A transport of rmcp that reports its end.

use std::fmt;

use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use super::close_notifier::CloseNotifier;

/// A transport of rmcp that notifies a [`CloseNotifier`] when nothing more comes from its server. Made by
/// [`CloseNotifier::watch`].
pub struct WatchedTransport<T> {
    transport: T,
    notifier: CloseNotifier,
}

impl CloseNotifier {
    /// The transport, which notifies this notifier when nothing more comes from its server. For a session
    /// that rmcp serves; the [`Session`](crate::extend::Session) gets the same notifier by
    /// [`with_close_notifier`](crate::extend::Session::with_close_notifier).
    ///
    /// ```
    /// use mcp_pool_core::{extend::CloseNotifier, rmcp::{RoleClient, transport::Transport}};
    ///
    /// fn watched(transport: impl Transport<RoleClient>) -> (impl Transport<RoleClient>, CloseNotifier) {
    ///     let notifier = CloseNotifier::default();
    ///     (notifier.watch(transport), notifier)
    /// }
    /// ```
    #[must_use]
    pub fn watch<T>(&self, transport: T) -> WatchedTransport<T> {
        WatchedTransport {
            transport,
            notifier: self.clone(),
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for WatchedTransport<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.transport.receive().await;
        if message.is_none() {
            self.notifier.notify();
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.transport.close()
    }
}

impl<T> fmt::Debug for WatchedTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedTransport").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::json;

    use super::*;

    /// A transport that receives this many messages, and then nothing more.
    struct Ending(usize);

    impl Transport<RoleClient> for Ending {
        type Error = io::Error;

        fn send(
            &mut self,
            _: TxJsonRpcMessage<RoleClient>,
        ) -> impl Future<Output = io::Result<()>> + Send + 'static {
            std::future::ready(Ok(()))
        }

        async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
            self.0 = self.0.checked_sub(1)?;
            let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
            serde_json::from_value(message).ok()
        }

        async fn close(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_end_of_a_transport_is_reported_and_a_message_is_not() {
        let notifier = CloseNotifier::default();
        let mut watched = notifier.watch(Ending(1));
        assert!(watched.receive().await.is_some());
        assert!(!notifier.is_notified());
        assert!(watched.receive().await.is_none());
        assert!(notifier.is_notified());
    }
}
