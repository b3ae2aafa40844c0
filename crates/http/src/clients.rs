//! The HTTP clients of a connector.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use mcp_pool_core::{
    Endpoint,
    error::{ConnectError, Evidence, FaultKind},
};

use crate::client::{BuildError, client, client_builder};

/// The HTTP clients of one session.
#[derive(Clone, Debug)]
pub struct HttpClients {
    /// For requests.
    pub requests: reqwest::Client,
    /// For streams that stay open. A server limits the streams of one HTTP/2 connection, often to 100:
    /// open streams on the connection of the requests would leave no room for these.
    pub streams: reqwest::Client,
}

impl HttpClients {
    /// The default clients.
    ///
    /// # Errors
    /// [`BuildError::Client`]: the TLS backend found no usable certificates, or a proxy of the
    /// environment is malformed.
    pub fn new() -> Result<Self, BuildError> {
        Ok(Self {
            requests: client(client_builder())?,
            streams: client(client_builder().http1_only())?,
        })
    }

    /// One client from this builder, for everything.
    ///
    /// # Errors
    /// As [`client`].
    pub fn of(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        let client = client(builder)?;
        Ok(Self {
            streams: client.clone(),
            requests: client,
        })
    }
}

/// The HTTP clients of a connector: the default ones, and others by name. Clones share them, and they
/// may be replaced at any time: a session keeps those that it was opened with.
#[derive(Clone, Debug)]
pub struct ClientSet(Arc<RwLock<Clients>>);

#[derive(Debug)]
struct Clients {
    default: HttpClients,
    by_name: HashMap<String, HttpClients>,
}

impl ClientSet {
    /// A set with these as the default.
    #[must_use]
    pub fn new(default: HttpClients) -> Self {
        Self(Arc::new(RwLock::new(Clients {
            default,
            by_name: HashMap::new(),
        })))
    }

    /// The clients for an endpoint: those that it names, or the default ones.
    ///
    /// # Errors
    /// [`FaultKind::Other`] with [`UnknownClient`] as its source: the endpoint names clients that the set
    /// does not have. No request was sent.
    pub fn of(&self, endpoint: &Endpoint) -> Result<HttpClients, ConnectError> {
        let clients = self.read();
        let Some(name) = endpoint.client() else {
            return Ok(clients.default.clone());
        };
        clients.by_name.get(name).cloned().ok_or_else(|| {
            let error = ConnectError::new(FaultKind::Other);
            let name = name.to_owned();
            error
                .with_evidence(Evidence::None)
                .with_source(UnknownClient { name })
        })
    }

    /// Sets the default clients.
    pub fn set_default(&self, clients: HttpClients) {
        self.write().default = clients;
    }

    /// Sets the default client for streams.
    pub fn set_default_streams(&self, streams: reqwest::Client) {
        self.write().default.streams = streams;
    }

    /// Sets the clients of a name, whether there were some before or not.
    pub fn set(&self, name: impl Into<String>, clients: HttpClients) {
        self.write().by_name.insert(name.into(), clients);
    }

    fn read(&self) -> RwLockReadGuard<'_, Clients> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Clients> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An endpoint names a client that its connector does not have. The fault of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connector has no http client of the name `{name}`")]
pub struct UnknownClient {
    /// The name.
    pub name: String,
}
