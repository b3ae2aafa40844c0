//! One caller that is subscribed to a resource.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::{
    key_subscriptions::KeySubscriptions,
    topic::{TopicPlace, TopicState},
};
use crate::{error::CallError, handler::ResourceUpdate, types::Era};

/// One caller that is subscribed to a resource. It is unsubscribed when this is dropped.
pub(crate) struct Subscriber {
    subscriptions: Arc<KeySubscriptions>,
    place: TopicPlace,
    missed: u64,
}

impl Subscriber {
    pub(super) fn new(subscriptions: Arc<KeySubscriptions>, place: TopicPlace) -> Self {
        Self {
            subscriptions,
            place,
            missed: 0,
        }
    }

    pub(crate) fn uri(&self) -> &str {
        &self.place.uri
    }

    /// How many updates were lost since the caller did not keep up.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    /// The era of the server that has accepted the subscription last; `None` where there is none.
    pub(crate) fn era(&self) -> Option<Era> {
        match *self.place.receiver.state.borrow() {
            TopicState::Active(era) | TopicState::Lost(era) => Some(era),
            TopicState::Pending | TopicState::Ended(_) => None,
        }
    }

    /// Waits until the server has accepted the subscription. `None`: it was ended by the pool.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn accepted(&mut self) -> Result<Option<()>, CallError> {
        let is_settled = |state: &TopicState| !matches!(state, TopicState::Pending);
        let state = self.place.receiver.state.wait_for(is_settled).await;
        match state.as_deref() {
            Ok(TopicState::Ended(Some(error))) => Err(error.clone()),
            Ok(TopicState::Active(_) | TopicState::Lost(_)) => Ok(Some(())),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// The next update; `None` once the pool has ended the subscription.
    ///
    /// # Errors
    /// Why it cannot be made again.
    pub(crate) async fn next(&mut self) -> Result<Option<ResourceUpdate>, CallError> {
        loop {
            match self.place.receiver.updates.recv().await {
                Ok(update) => return Ok(Some(update)),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => break,
            }
        }
        match &*self.place.receiver.state.borrow() {
            TopicState::Ended(Some(error)) => Err(error.clone()),
            _ => Ok(None),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.subscriptions.leave(&self.place.uri, self.place.number);
    }
}
