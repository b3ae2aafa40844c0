//! The debug output and error texts of types, and which types were shown.

use std::{
    any::type_name,
    collections::BTreeSet,
    error::Error,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_session_pool::{
    TransportKind,
    error::{ConnectError, CredentialError},
    event::{
        AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, Closed,
        ConnectFailed, Connected, Detected, KeyCreated, KeyEvicted, LeaseOverdue, ListChanged,
        PartlyRead, QuotaReached, Released, Resized, ServerStreamChanged, ToolsListed,
    },
    extend::{
        CallerHeaders, ConnectRequest, Connector, CredentialRequest, CredentialSource, Observer,
        ParkedSession, Session, Support,
    },
};

/// Every output so far. All clones share it.
#[derive(Clone, Default)]
pub(crate) struct Shown(Arc<Mutex<Outputs>>);

#[derive(Default)]
struct Outputs {
    text: String,
    types: BTreeSet<String>,
}

impl Shown {
    /// Adds the debug output of a value.
    pub(crate) fn show<T: Debug + ?Sized>(&self, value: &T) {
        let mut outputs = self.outputs();
        outputs.text += &format!("{value:?} {value:#?}\n");
        let name = type_name::<T>().split('<').next().unwrap_or_default();
        let name = name.rsplit("::").next().unwrap_or_default();
        outputs.types.insert(name.to_owned());
    }

    /// Adds the debug output and the text of an error and of its causes.
    pub(crate) fn fail<E: Error>(&self, error: &E) {
        self.show(error);
        let mut outputs = self.outputs();
        outputs.text += &format!("{error}\n");
        let mut source = error.source();
        while let Some(cause) = source {
            outputs.text += &format!("{cause} {cause:?}\n");
            source = cause.source();
        }
    }

    /// Adds any other output.
    pub(crate) fn add(&self, text: &str) {
        self.outputs().text += text;
    }

    pub(crate) fn text(&self) -> String {
        self.outputs().text.clone()
    }

    /// The names of the types that were shown.
    pub(crate) fn types(&self) -> BTreeSet<String> {
        self.outputs().types.clone()
    }

    fn outputs(&self) -> MutexGuard<'_, Outputs> {
        self.0.lock().expect("not poisoned")
    }
}

/// Shows every event.
impl Observer for Shown {
    fn acquired(&self, event: &Acquired<'_>) {
        self.show(event);
    }

    fn acquire_failed(&self, event: &AcquireFailed<'_>) {
        self.show(event);
        self.fail(event.error());
    }

    fn lease_overdue(&self, event: &LeaseOverdue<'_>) {
        self.show(event);
    }

    fn quota_reached(&self, event: &QuotaReached<'_>) {
        self.show(event);
        self.show(&event.quota());
    }

    fn released(&self, event: &Released<'_>) {
        self.show(event);
    }

    fn connected(&self, event: &Connected<'_>) {
        self.show(event);
    }

    fn connect_failed(&self, event: &ConnectFailed<'_>) {
        self.show(event);
        self.fail(event.error());
        self.show(event.error().kind());
    }

    fn checked(&self, event: &Checked<'_>) {
        self.show(event);
        if let Some(error) = event.error() {
            self.fail(&error);
        }
    }

    fn closed(&self, event: &Closed<'_>) {
        self.show(event);
        self.show(&event.reason());
        self.show(&event.outcome());
    }

    fn key_created(&self, event: &KeyCreated<'_>) {
        self.show(event);
    }

    fn key_evicted(&self, event: &KeyEvicted<'_>) {
        self.show(event);
    }

    fn built(&self, event: &Built<'_>) {
        self.show(event);
        self.show(event.handle());
    }

    fn detected(&self, event: &Detected<'_>) {
        self.show(event);
    }

    fn list_changed(&self, event: &ListChanged<'_>) {
        self.show(event);
        self.show(&event.list());
    }

    fn tools_listed(&self, event: &ToolsListed<'_>) {
        self.show(event);
    }

    fn partly_read(&self, event: &PartlyRead<'_>) {
        self.show(event);
    }

    fn server_stream_changed(&self, event: &ServerStreamChanged<'_>) {
        self.show(event);
        self.show(&event.after());
    }

    fn resized(&self, event: &Resized<'_>) {
        self.show(event);
        self.show(&event.after());
    }

    fn breaker_changed(&self, event: &BreakerChanged<'_>) {
        self.show(event);
        self.show(&event.after());
    }

    fn call_finished(&self, event: &CallFinished<'_>) {
        self.show(event);
        self.show(&event.outcome());
    }
}

/// The default source, which shows its requests.
pub(crate) struct ShowingSource(pub(crate) Shown);

#[async_trait]
impl CredentialSource for ShowingSource {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        self.0.show(request);
        CallerHeaders.headers(request).await
    }
}

/// A connector that shows its requests and its sessions.
pub(crate) struct ShowingConnector<C>(pub(crate) C, pub(crate) Shown);

#[async_trait]
impl<C: Connector> Connector for ShowingConnector<C> {
    fn kind(&self) -> TransportKind {
        self.0.kind()
    }

    fn schemes(&self) -> &[&str] {
        self.0.schemes()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        self.1.show(request);
        self.1.show(request.credentials());
        self.1.show(&request.handler());
        let session = self.0.connect(request).await?;
        self.1.show(&session);
        self.1.show(session.info());
        Ok(session)
    }

    async fn revive(
        &self,
        request: &ConnectRequest,
        parked: ParkedSession,
    ) -> Result<Session, ConnectError> {
        self.1.show(&parked);
        let session = self.0.revive(request, parked).await?;
        self.1.show(&session);
        self.1.show(session.info());
        Ok(session)
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        let detection = self.0.detect(request).await?;
        self.1.show(&detection);
        Ok(detection)
    }
}
