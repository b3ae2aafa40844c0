//! The credentials of upstreams.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, header};
use mcp_pool_core::{
    error::CredentialError,
    extend::{CallerHeaders, CredentialRequest, CredentialSource},
};
use tokio::task::spawn_blocking;

use crate::{secret::SecretRef, upstream::ConfiguredUpstream};

/// The credentials of upstreams, as the file refers to them: a [`CredentialSource`] for the pool.
///
/// Each upstream gets its own headers, and those of its caller that the request has. An endpoint of
/// another configuration gets only its caller's. After a 401 the references are read again, so that a
/// file with a token may be exchanged while the gateway runs.
#[derive(Clone)]
pub struct UpstreamCredentials(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    upstreams: HashMap<String, Arc<Known>>,
    /// The sources by the name of their OAuth settings.
    sources: HashMap<String, Arc<dyn CredentialSource>>,
    /// Whether each credential is the gateway's own, so that a caller's end means nothing for it.
    own_alone: bool,
}

struct Known {
    references: Vec<(HeaderName, SecretRef)>,
    headers: RwLock<HeaderMap>,
    oauth: Option<String>,
}

impl UpstreamCredentials {
    pub(crate) fn new(upstreams: Vec<(&ConfiguredUpstream, HeaderMap)>) -> Self {
        let is_forwarded =
            |upstream: &ConfiguredUpstream| upstream.forward.contains(&header::AUTHORIZATION);
        let own_alone = !upstreams.iter().any(|(upstream, _)| is_forwarded(upstream));
        let known = upstreams.into_iter().map(|(upstream, headers)| {
            let known = Known {
                references: upstream.headers.clone(),
                headers: RwLock::new(headers),
                oauth: upstream.oauth.clone(),
            };
            (upstream.name.clone(), Arc::new(known))
        });
        Self(Arc::new(Inner {
            upstreams: known.collect(),
            sources: HashMap::new(),
            own_alone,
        }))
    }

    /// The same credentials; upstreams that name these OAuth settings get the headers of this source,
    /// and those of their own besides. Without a source their calls fail.
    #[must_use]
    pub fn with_source(
        mut self,
        oauth: impl Into<String>,
        source: impl CredentialSource + 'static,
    ) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.sources.insert(oauth.into(), Arc::new(source));
        self
    }

    /// The headers that an upstream gets besides its own: those of its OAuth settings, or of its caller.
    async fn others(
        &self,
        known: Option<&Known>,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let Some(name) = known.and_then(|known| known.oauth.as_ref()) else {
            return CallerHeaders.headers(request).await;
        };
        match self.0.sources.get(name) {
            Some(source) => source.headers(request).await,
            None => Err(CredentialError::new(format!(
                "the oauth settings `{name}` have no source"
            ))),
        }
    }
}

impl Known {
    fn headers(&self) -> HeaderMap {
        let headers = self.headers.read().unwrap_or_else(PoisonError::into_inner);
        headers.clone()
    }

    /// Reads the references again. Where one cannot be read, the headers stay as they are.
    fn read_again(&self) {
        let variables = |name: &str| std::env::var(name).ok();
        let read = self.references.iter().map(|(name, reference)| {
            let value = reference.value(&variables);
            value.map(|value| (name.clone(), value))
        });
        match read.collect::<Result<HeaderMap, _>>() {
            Ok(headers) => {
                *self.headers.write().unwrap_or_else(PoisonError::into_inner) = headers;
            }
            Err(error) => tracing::warn!(%error, "a credential cannot be read again"),
        }
    }
}

#[async_trait]
impl CredentialSource for UpstreamCredentials {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let name = request.endpoint.gateway();
        let known = name.and_then(|name| self.0.upstreams.get(name));
        let others = self.others(known.map(|known| &**known), request).await?;
        let Some(known) = known.filter(|known| !known.references.is_empty()) else {
            return Ok(others);
        };
        if request.rejected.is_some() {
            let known = Arc::clone(known);
            // A panic of the reader is one of its own; the old headers are still there.
            let _ = spawn_blocking(move || known.read_again()).await;
        }
        let mut headers = HeaderMap::clone(&others);
        headers.extend(known.headers());
        Ok(Arc::new(headers))
    }

    fn renews(&self) -> bool {
        self.0.own_alone && self.0.sources.values().all(|source| source.renews())
    }
}

impl fmt::Debug for UpstreamCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamCredentials")
            .field("upstreams", &self.0.upstreams.len())
            .finish_non_exhaustive()
    }
}
