//! A body that ends when the gateway shuts down.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The body of a response, which ends at the latest when the gateway shuts down, if it is a stream.
pub struct EndingBody<B> {
    body: B,
    end: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl<B> EndingBody<B> {
    /// A body that ends by itself alone.
    pub(super) fn unchanged(body: B) -> Self {
        Self { body, end: None }
    }

    /// A body that ends with the token at the latest.
    pub(super) fn ending(body: B, end: CancellationToken) -> Self {
        Self {
            body,
            end: Some(Box::pin(end.cancelled_owned())),
        }
    }
}

impl<B: Default> Default for EndingBody<B> {
    fn default() -> Self {
        Self::unchanged(B::default())
    }
}

impl<B: Body + Unpin> Body for EndingBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(end) = &mut self.end
            && end.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for EndingBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndingBody").finish_non_exhaustive()
    }
}
