//! The proxy between a session and its handler.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{
        ClientCapabilities, ClientConfig, ClientResult, Implementation, ServerNotification,
        ServerRequest,
    },
    service::{DynService, NotificationContext, RequestContext},
};
use tokio::sync::SetOnce;

use super::{
    list_watcher::{ListWatcher, PendingDelivery},
    sealed::SealedNotification,
    turn::NotificationTurn,
};
use crate::{
    handler::{
        factory::HandlerFactory, list_kind::ListKind, noop::default_client_info,
        progress::ProgressRoutes,
    },
    types::PoolKey,
};

/// The proxy in front of the handler of one session: it receives everything first, and refuses
/// requests for capabilities that were not declared.
#[derive(Default)]
pub(crate) struct HandlerProxy {
    state: Arc<ProxyState>,
    /// The handler of the session, once it has one.
    handler: Mutex<Option<Arc<ProxiedHandler>>>,
}

/// What a handler shares with its proxy.
#[derive(Default)]
struct ProxyState {
    /// The key of the session; unset where there is no pool, and before a session that detection
    /// opened has a key.
    watcher: OnceLock<Weak<dyn ListWatcher>>,
    /// The `clientInfo` that replaces that of the handler.
    client_info: Option<Arc<Implementation>>,
    /// Where the progress of single calls goes.
    routes: ProgressRoutes,
    /// Set when the session leaves its key.
    closed: SetOnce<()>,
}

/// A handler with the pool in front of it.
pub(crate) struct ProxiedHandler {
    /// The handler, once it is needed. One that ignores every message seldom is, and would be a
    /// third of an idle session.
    handler: OnceLock<Box<dyn DynService<RoleClient>>>,
    factory: Arc<dyn HandlerFactory>,
    key: PoolKey,
    /// `None`: nothing, as most handlers declare.
    pub(super) declared: Option<Box<ClientCapabilities>>,
    /// True when the handler does nothing with any message.
    ignores: bool,
    state: Arc<ProxyState>,
}

impl HandlerProxy {
    /// A proxy that reports list changes to `watcher` and replaces the handler's `clientInfo`.
    pub(crate) fn new(
        watcher: Option<Weak<dyn ListWatcher>>,
        client_info: Option<Arc<Implementation>>,
    ) -> Arc<Self> {
        let state = ProxyState {
            client_info,
            ..ProxyState::default()
        };
        let proxy = Self {
            state: Arc::new(state),
            handler: Mutex::default(),
        };
        if let Some(watcher) = watcher {
            proxy.watch(watcher);
        }
        Arc::new(proxy)
    }

    /// Reports list changes to `watcher` from now on. Only the first one is kept.
    pub(crate) fn watch(&self, watcher: Weak<dyn ListWatcher>) {
        let _ = self.state.watcher.set(watcher);
    }

    /// Where the progress of single calls goes.
    pub(crate) fn routes(&self) -> &ProgressRoutes {
        &self.state.routes
    }

    /// Puts the proxy in front of a handler of this factory, which becomes the handler of the
    /// session.
    pub(crate) fn wrap(
        &self,
        factory: &Arc<dyn HandlerFactory>,
        key: &PoolKey,
    ) -> Arc<ProxiedHandler> {
        let declared = factory.declared();
        let handler = Arc::new(ProxiedHandler {
            handler: OnceLock::new(),
            declared: (declared != ClientCapabilities::default()).then(|| Box::new(declared)),
            ignores: factory.ignores_messages(),
            factory: Arc::clone(factory),
            key: key.clone(),
            state: Arc::clone(&self.state),
        });
        if !handler.ignores {
            // Each session has a handler of its own from its beginning.
            handler.handler();
        }
        *self.lock() = Some(Arc::clone(&handler));
        handler
    }

    /// The handler of the session, with the proxy in front of it.
    pub(crate) fn handler(&self) -> Option<Arc<ProxiedHandler>> {
        self.lock().clone()
    }

    /// Ends the debouncing of list changes: the handler receives what was held back at once.
    pub(crate) fn close(&self) {
        // A second call has no effect.
        let _ = self.state.closed.set(());
    }

    /// Waits until the session has left its key.
    pub(crate) async fn closed(&self) {
        self.state.closed.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<ProxiedHandler>>> {
        self.handler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProxiedHandler {
    /// True when the handler does nothing with any message.
    pub(crate) fn ignores(&self) -> bool {
        self.ignores
    }

    #[expect(
        clippy::borrowed_box,
        reason = "rmcp implements `Service` for the box alone"
    )]
    fn handler(&self) -> &Box<dyn DynService<RoleClient>> {
        self.handler
            .get_or_init(|| self.factory.handler(&self.key).into_inner())
    }

    /// Where the progress of single calls goes.
    pub(crate) fn routes(&self) -> &ProgressRoutes {
        &self.state.routes
    }

    /// Reports a list change to the key.
    pub(crate) fn list_changed(&self, list: ListKind) {
        if let Some(watcher) = self.watcher() {
            watcher.list_changed(list);
        }
    }

    /// Reports to the key that a resource has changed.
    pub(crate) fn resource_updated(&self, uri: &str) {
        if let Some(watcher) = self.watcher() {
            watcher.resource_updated(uri);
        }
    }

    /// Reports to the key which resources its subscription has.
    pub(crate) fn acknowledged(&self, uris: &[String]) {
        if let Some(watcher) = self.watcher() {
            watcher.acknowledged(uris);
        }
    }

    fn watcher(&self) -> Option<Arc<dyn ListWatcher>> {
        self.state.watcher.get().and_then(Weak::upgrade)
    }

    /// What the session declares in its handshake.
    pub(crate) fn client_config(&self) -> ClientConfig {
        let mut info = match self.ignores && self.handler.get().is_none() {
            true => Service::get_info(&self.factory.handler(&self.key).into_inner()),
            false => Service::get_info(self.handler()),
        };
        // The declared capabilities are part of the key: a handler can declare neither more nor less.
        info.capabilities = self.declared.as_deref().cloned().unwrap_or_default();
        if let Some(client_info) = &self.state.client_info {
            info.client_info = Implementation::clone(client_info);
        } else if info.client_info == Implementation::from_build_env() {
            // The handler set none: that is rmcp's own default.
            info.client_info = default_client_info();
        }
        info
    }

    /// The handler's answer to a request.
    ///
    /// # Errors
    /// The handler's error, or a refusal when the capability was not declared.
    pub(crate) async fn answer(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        match self.refusal(&request) {
            Some(refusal) => Err(refusal),
            None => Service::handle_request(self.handler(), request, context).await,
        }
    }

    pub(super) async fn notify(
        &self,
        notification: ServerNotification,
        mut context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        // The session's inbox has seen a notification that has a turn.
        let mut turn = context.extensions.remove::<NotificationTurn>();
        let notification = SealedNotification::open(notification, &mut context);
        if turn.is_none()
            && let ServerNotification::ProgressNotification(progress) = &notification
            && self.state.routes.deliver(&progress.params)
        {
            return Ok(());
        }
        if turn.is_none()
            && let ServerNotification::ResourceUpdatedNotification(update) = &notification
        {
            self.resource_updated(&update.params.uri);
        }
        if let Some(list) = ListKind::changed_by(&notification)
            && let Some(watcher) = self.watcher()
        {
            if turn.is_none() {
                watcher.list_changed(list);
            }
            if !watcher.debounce().is_zero() {
                // Notifications that come meanwhile are not kept waiting.
                turn = None;
            }
            if !self.debounce(watcher, list).await {
                return Ok(());
            }
        }
        let handled = Service::handle_notification(self.handler(), notification, context).await;
        drop(turn);
        handled
    }

    /// Waits until the handler is due to receive a list change. `false` where another session of the
    /// key waits already: that one delivers the change for all.
    async fn debounce(&self, watcher: Arc<dyn ListWatcher>, list: ListKind) -> bool {
        let delay = watcher.debounce();
        if delay.is_zero() {
            return true;
        }
        let Some(_delivery) = PendingDelivery::begin(watcher, list) else {
            return false;
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = self.state.closed.wait() => {}
        }
        // The delivery ends before the handler runs: a change from now on is another one.
        true
    }
}
