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

use super::{
    closed::Closed,
    list_watcher::{ListWatcher, PendingDelivery},
    sealed::SealedNotification,
    turn::NotificationTurn,
};
use crate::{
    handler::{
        factory::{ClientHandlerBox, HandlerFactory},
        list_kind::ListKind,
        noop::default_client_info,
        progress::ProgressRoutes,
    },
    types::PoolKey,
};

/// The proxy in front of the handler of one session: it receives everything first, and refuses
/// requests for capabilities that were not declared.
#[derive(Default)]
pub(crate) struct HandlerProxy {
    ends: Mutex<Ends>,
    /// The `clientInfo` that replaces that of the handler.
    client_info: Option<Arc<Implementation>>,
    /// Where the progress of single calls goes.
    routes: ProgressRoutes,
    /// Set when the session leaves its key.
    closed: Closed,
}

/// What is on both sides of a proxy.
#[derive(Default)]
struct Ends {
    /// The key of the session; `None` where there is no pool, and before a session that detection
    /// opened has a key.
    watcher: Option<Weak<dyn ListWatcher>>,
    /// What owns the handler of the session, once it has one. It owns the proxy too.
    handler: Option<Weak<dyn HandlerOwner>>,
}

/// What owns the handler of a session, and so is one block of memory with it.
pub(crate) trait HandlerOwner: Send + Sync {
    /// The handler, with the pool in front of it.
    fn proxied(&self) -> &ProxiedHandler;
}

/// A handler with the pool in front of it.
pub(crate) struct ProxiedHandler {
    /// The handler, once it is needed. One that ignores every message seldom is, and would be a
    /// third of an idle session.
    handler: OnceLock<Box<ClientHandlerBox>>,
    factory: Arc<dyn HandlerFactory>,
    key: PoolKey,
    /// `None`: nothing, as most handlers declare.
    pub(super) declared: Option<Box<ClientCapabilities>>,
    /// True when the handler does nothing with any message.
    ignores: bool,
    proxy: Arc<HandlerProxy>,
}

impl HandlerProxy {
    /// A proxy that reports list changes to `watcher` and replaces the handler's `clientInfo`.
    pub(crate) fn new(
        watcher: Option<Weak<dyn ListWatcher>>,
        client_info: Option<Arc<Implementation>>,
    ) -> Arc<Self> {
        let ends = Ends {
            watcher,
            handler: None,
        };
        Arc::new(Self {
            ends: Mutex::new(ends),
            client_info,
            ..Self::default()
        })
    }

    /// Reports list changes to `watcher` from now on. Only the first one is kept.
    pub(crate) fn watch(&self, watcher: Weak<dyn ListWatcher>) {
        self.lock().watcher.get_or_insert(watcher);
    }

    /// Where the progress of single calls goes.
    pub(crate) fn routes(&self) -> &ProgressRoutes {
        &self.routes
    }

    /// Puts the proxy in front of a handler of this factory, which becomes the handler of the
    /// session. `own` makes what owns it.
    pub(crate) fn wrap<O: HandlerOwner + 'static>(
        self: &Arc<Self>,
        factory: &Arc<dyn HandlerFactory>,
        key: &PoolKey,
        own: impl FnOnce(ProxiedHandler) -> O,
    ) -> Arc<O> {
        let declared = factory.declared();
        let handler = ProxiedHandler {
            handler: OnceLock::new(),
            declared: (declared != ClientCapabilities::default()).then(|| Box::new(declared)),
            ignores: factory.ignores_messages(),
            factory: Arc::clone(factory),
            key: key.clone(),
            proxy: Arc::clone(self),
        };
        if !handler.ignores {
            // Each session has a handler of its own from its beginning.
            handler.handler();
        }
        let owner = Arc::new(own(handler));
        let handler: Arc<dyn HandlerOwner> = Arc::<O>::clone(&owner);
        self.lock().handler = Some(Arc::downgrade(&handler));
        owner
    }

    /// The handler of the session, with the proxy in front of it, while the session is open.
    pub(crate) fn handler(&self) -> Option<Arc<dyn HandlerOwner>> {
        self.lock().handler.as_ref()?.upgrade()
    }

    /// Ends the debouncing of list changes: the handler receives what was held back at once.
    pub(crate) fn close(&self) {
        self.closed.set();
    }

    /// Waits until the session has left its key.
    pub(crate) async fn closed(&self) {
        self.closed.wait().await;
    }

    fn watcher(&self) -> Option<Arc<dyn ListWatcher>> {
        self.lock().watcher.as_ref()?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HandlerOwner for ProxiedHandler {
    fn proxied(&self) -> &ProxiedHandler {
        self
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
        let handler = self
            .handler
            .get_or_init(|| Box::new(self.factory.handler(&self.key)));
        handler.as_dyn()
    }

    /// Where the progress of single calls goes.
    pub(crate) fn routes(&self) -> &ProgressRoutes {
        &self.proxy.routes
    }

    /// Reports a list change to the key.
    pub(crate) fn list_changed(&self, list: ListKind) {
        if let Some(watcher) = self.proxy.watcher() {
            watcher.list_changed(list);
        }
    }

    /// Reports to the key that a resource has changed.
    pub(crate) fn resource_updated(&self, uri: &str) {
        if let Some(watcher) = self.proxy.watcher() {
            watcher.resource_updated(uri);
        }
    }

    /// Reports to the key which resources its subscription has.
    pub(crate) fn acknowledged(&self, uris: &[String]) {
        if let Some(watcher) = self.proxy.watcher() {
            watcher.acknowledged(uris);
        }
    }

    /// What the session declares in its handshake.
    pub(crate) fn client_config(&self) -> ClientConfig {
        let mut info = match self.ignores && self.handler.get().is_none() {
            true => Service::get_info(&self.factory.handler(&self.key).into_inner()),
            false => Service::get_info(self.handler()),
        };
        // The declared capabilities are part of the key: a handler can declare neither more nor less.
        info.capabilities = self.declared.as_deref().cloned().unwrap_or_default();
        if let Some(client_info) = &self.proxy.client_info {
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
            && self.proxy.routes.deliver(&progress.params)
        {
            return Ok(());
        }
        if turn.is_none()
            && let ServerNotification::ResourceUpdatedNotification(update) = &notification
        {
            self.resource_updated(&update.params.uri);
        }
        if let Some(list) = ListKind::changed_by(&notification)
            && let Some(watcher) = self.proxy.watcher()
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
            () = self.proxy.closed.wait() => {}
        }
        // The delivery ends before the handler runs: a change from now on is another one.
        true
    }
}
