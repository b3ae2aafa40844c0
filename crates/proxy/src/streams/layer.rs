//! The layer that ends streams.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use super::body::EndingBody;

/// A tower layer whose GET responses end when the gateway shuts down: see
/// [`Proxy::stream_layer`](crate::Proxy::stream_layer).
#[derive(Clone, Debug)]
pub struct StreamLayer {
    end: CancellationToken,
}

/// The service of a [`StreamLayer`].
#[derive(Clone, Debug)]
pub struct StreamService<S> {
    end: CancellationToken,
    inner: S,
}

impl StreamLayer {
    pub(crate) fn new(end: CancellationToken) -> Self {
        Self { end }
    }
}

impl<S> Layer<S> for StreamLayer {
    type Service = StreamService<S>;

    fn layer(&self, inner: S) -> StreamService<S> {
        StreamService {
            end: self.end.clone(),
            inner,
        }
    }
}

impl<S, B, R> Service<Request<B>> for StreamService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<EndingBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_stream = request.method() == Method::GET;
        let end = self.end.clone();
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            Ok(response.map(|body| match is_stream {
                true => EndingBody::ending(body, end),
                false => EndingBody::unchanged(body),
            }))
        })
    }
}
