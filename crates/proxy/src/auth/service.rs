//! The service that authenticates requests.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, Request, Response, header};
use tower::Service;

use super::authenticator::Authenticator;

/// The service of a [`BearerAuth`](super::BearerAuth) layer.
#[derive(Clone)]
pub struct BearerAuthService<S> {
    auth: Arc<Authenticator>,
    inner: S,
}

impl<S> BearerAuthService<S> {
    pub(super) fn new(auth: Arc<Authenticator>, inner: S) -> Self {
        Self { auth, inner }
    }
}

impl<S, B, R> Service<Request<B>> for BearerAuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let auth = Arc::clone(&self.auth);
        // The clone is not known to be ready; the original is.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let caller = match auth.authenticate(request.headers()).await {
                Ok(caller) => caller,
                Err(refusal) => {
                    tracing::debug!(?refusal, "a request is not authenticated");
                    return Ok(refusal.response(&auth.resource));
                }
            };
            hide(request.headers_mut());
            request.extensions_mut().insert(caller.clone());
            let response = inner.call(request).await?;
            auth.owners.note(response.headers(), &Arc::new(caller));
            Ok(response)
        })
    }
}

/// Marks what authenticates, so that no log of a handler behind shows it.
fn hide(headers: &mut HeaderMap) {
    for name in [header::AUTHORIZATION, header::COOKIE, SESSION_ID] {
        let values = headers.get_mut(name).into_iter();
        values.for_each(|value| value.set_sensitive(true));
    }
}

impl<S> fmt::Debug for BearerAuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuthService")
            .field("resource", &self.auth.resource)
            .finish_non_exhaustive()
    }
}

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
