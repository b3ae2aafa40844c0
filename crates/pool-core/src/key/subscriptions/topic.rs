//! One resource that callers of a key are subscribed to.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::{error::CallError, handler::ResourceUpdate, types::Era};

/// One resource that callers of a key are subscribed to. Its subscribers receive the end of their
/// updates when it is dropped.
pub(super) struct Topic {
    /// Of all topics of the key, the only one with this number.
    pub(super) number: u64,
    pub(super) subscribers: usize,
    state: watch::Sender<TopicState>,
    updates: broadcast::Sender<ResourceUpdate>,
}

/// How far the subscription upstream is.
#[derive(Clone)]
pub(super) enum TopicState {
    /// It was not made yet.
    Pending,
    /// A server of this era has accepted it.
    Active(Era),
    /// It was lost with its session, at a server of this era.
    Lost(Era),
    /// It will not be made again, for this reason; `None` where the pool or its user ended it.
    Ended(Option<CallError>),
}

/// A subscriber's place in a topic.
pub(super) struct TopicPlace {
    pub(super) uri: Arc<str>,
    /// The number of the topic.
    pub(super) number: u64,
    pub(super) receiver: TopicReceiver,
}

/// The receiving half of a topic.
pub(super) struct TopicReceiver {
    pub(super) state: watch::Receiver<TopicState>,
    pub(super) updates: broadcast::Receiver<ResourceUpdate>,
}

impl Topic {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            subscribers: 0,
            state: watch::Sender::new(TopicState::Pending),
            updates: broadcast::Sender::new(KEPT_UPDATES),
        }
    }

    pub(super) fn receiver(&self) -> TopicReceiver {
        TopicReceiver {
            state: self.state.subscribe(),
            updates: self.updates.subscribe(),
        }
    }

    /// Delivers an update. A subscriber that does not keep up loses its oldest one.
    pub(super) fn deliver(&self, update: ResourceUpdate) {
        // Fails only where every subscriber has just left.
        let _ = self.updates.send(update);
    }

    /// A server of this era has accepted the subscription, for the first time or again.
    pub(super) fn accepted(&self, era: Era) {
        let before = self.state.send_replace(TopicState::Active(era));
        if matches!(before, TopicState::Lost(_)) {
            self.deliver(ResourceUpdate::Resumed);
        }
    }

    /// The subscription is lost with its session.
    pub(super) fn lost(&self) {
        self.state.send_if_modified(|state| {
            let TopicState::Active(era) = *state else {
                return false;
            };
            *state = TopicState::Lost(era);
            true
        });
    }

    /// A lost subscription is not made again for now.
    pub(super) fn report_loss(&self) {
        if matches!(*self.state.borrow(), TopicState::Lost(_)) {
            self.deliver(ResourceUpdate::Lost);
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(*self.state.borrow(), TopicState::Pending)
    }

    /// Ends the subscription.
    pub(super) fn end(self, error: Option<CallError>) {
        self.state.send_replace(TopicState::Ended(error));
    }
}

/// Updates that wait for a subscriber. An update is a hint to read the resource again, of which
/// the latest ones suffice.
const KEPT_UPDATES: usize = 64;

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    fn changed(number: usize) -> ResourceUpdate {
        ResourceUpdate::Changed {
            uri: number.to_string(),
        }
    }

    #[test]
    fn a_slow_subscriber_loses_the_oldest_updates_and_gets_to_know_how_many() {
        let topic = Topic::new(0);
        let mut receiver = topic.receiver();
        for number in 0..KEPT_UPDATES + 3 {
            topic.deliver(changed(number));
        }
        assert_eq!(receiver.updates.try_recv(), Err(TryRecvError::Lagged(3)));
        for number in 3..KEPT_UPDATES + 3 {
            assert_eq!(receiver.updates.try_recv(), Ok(changed(number)));
        }
    }

    #[test]
    fn only_a_subscription_that_was_lost_is_resumed() {
        let topic = Topic::new(0);
        let mut receiver = topic.receiver();
        topic.lost();
        assert!(topic.is_pending(), "it was never made");
        topic.accepted(Era::Legacy);
        topic.accepted(Era::Legacy);
        assert_eq!(receiver.updates.try_recv(), Err(TryRecvError::Empty));
        topic.lost();
        topic.accepted(Era::Stateless);
        assert_eq!(receiver.updates.try_recv(), Ok(ResourceUpdate::Resumed));
        assert_eq!(receiver.updates.try_recv(), Err(TryRecvError::Empty));
    }
}
