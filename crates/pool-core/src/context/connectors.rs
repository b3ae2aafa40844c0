//! The transports that a pool speaks.

use std::sync::Arc;

use crate::{
    error::{AcquireError, ConfigError},
    extend::{Connector, EndpointProbe},
    types::{Endpoint, TransportKind},
};

/// The connectors of a pool, in the order in which they were added. They are few.
pub(crate) struct Connectors(Vec<(TransportKind, Arc<dyn Connector>)>);

impl Connectors {
    /// # Errors
    /// - [`ConfigError::DuplicateConnector`]: two of them speak the same transport.
    /// - [`ConfigError::ReservedTransport`]: one of them claims to speak `auto`.
    pub(crate) fn new(connectors: Vec<Arc<dyn Connector>>) -> Result<Self, ConfigError> {
        let mut all = Self(Vec::with_capacity(connectors.len()));
        for connector in connectors {
            let kind = connector.kind();
            if kind == TransportKind::AUTO {
                return Err(ConfigError::ReservedTransport);
            }
            if all.get(&kind).is_some() {
                return Err(ConfigError::DuplicateConnector(kind));
            }
            all.0.push((kind, connector));
        }
        Ok(all)
    }

    pub(crate) fn get(&self, kind: &TransportKind) -> Option<&Arc<dyn Connector>> {
        let mut all = self.0.iter();
        all.find_map(|(known, connector)| (known == kind).then_some(connector))
    }

    /// Checks the scheme of an endpoint's URL.
    ///
    /// # Errors
    /// [`AcquireError::UnsupportedScheme`], where the connector of the transport does not claim it; for
    /// `auto`, where none does. Without a connector the answer is left to the connect.
    pub(crate) fn check_scheme(&self, endpoint: &Endpoint) -> Result<(), AcquireError> {
        if self.claims(endpoint) {
            return Ok(());
        }
        let transport = (!endpoint.is_auto()).then(|| endpoint.transport().clone().into());
        Err(AcquireError::UnsupportedScheme {
            scheme: endpoint.url().scheme().into(),
            transport,
        })
    }

    /// A probe of an endpoint; for `auto`, that of the first connector that has one.
    pub(crate) fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        if endpoint.is_auto() {
            let mut all = self.0.iter();
            return all.find_map(|(_, connector)| connector.probe(endpoint));
        }
        self.get(endpoint.transport())?.probe(endpoint)
    }

    fn claims(&self, endpoint: &Endpoint) -> bool {
        let scheme = endpoint.url().scheme();
        let claims = |connector: &Arc<dyn Connector>| connector.schemes().contains(&scheme);
        if endpoint.is_auto() {
            return self.0.is_empty() || self.0.iter().any(|(_, connector)| claims(connector));
        }
        self.get(endpoint.transport()).is_none_or(claims)
    }

    /// The connectors, each with its transport, in the order in which detection queries them.
    pub(crate) fn in_order(&self) -> &[(TransportKind, Arc<dyn Connector>)] {
        &self.0
    }

    /// The transport at a position in the order.
    pub(crate) fn kind_at(&self, place: usize) -> Option<&TransportKind> {
        self.0.get(place).map(|(kind, _)| kind)
    }
}
