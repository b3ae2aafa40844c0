//! The subscriptions of one key.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::topic::{Topic, TopicPlace};
use crate::{
    error::{CallError, SubscriptionError},
    handler::ResourceUpdate,
    types::Era,
};

/// The subscriptions of one key: each resource once, however many callers are subscribed to it. They
/// outlive the key pool, which may be removed and come again.
pub(crate) struct KeySubscriptions {
    topics: Mutex<Topics>,
    /// Changes when a resource is added or leaves.
    changed: watch::Sender<()>,
    /// What the server of a stateless key has accepted last.
    acknowledged: watch::Sender<Arc<[String]>>,
}

#[derive(Default)]
struct Topics {
    by_uri: BTreeMap<Arc<str>, Topic>,
    next_number: u64,
}

impl KeySubscriptions {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            topics: Mutex::default(),
            changed: watch::Sender::new(()),
            acknowledged: watch::Sender::new(Arc::default()),
        })
    }

    /// Adds a subscriber of a resource.
    ///
    /// # Errors
    /// The key is subscribed to `most` resources already; 0: no limit.
    pub(super) fn join(&self, uri: &str, most: usize) -> Result<TopicPlace, SubscriptionError> {
        let mut topics = self.lock();
        let is_new = !topics.by_uri.contains_key(uri);
        if is_new && most != 0 && topics.by_uri.len() >= most {
            return Err(SubscriptionError::TooMany(most));
        }
        let place = topics.join(uri.into());
        drop(topics);
        if is_new {
            self.changed.send_replace(());
        }
        Ok(place)
    }

    /// Removes a subscriber of the resource's topic with this number.
    pub(super) fn leave(&self, uri: &str, number: u64) {
        let mut topics = self.lock();
        let Some(topic) = topics.by_uri.get_mut(uri) else {
            return;
        };
        if topic.number != number {
            return;
        }
        topic.subscribers -= 1;
        if topic.subscribers == 0 {
            topics.by_uri.remove(uri);
            drop(topics);
            self.changed.send_replace(());
        }
    }

    /// The subscribed resources.
    pub(crate) fn wanted(&self) -> Vec<Arc<str>> {
        self.lock().by_uri.keys().cloned().collect()
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.lock().by_uri.is_empty()
    }

    /// Receives each change of the subscribed resources from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// A server of this era has accepted the subscription to a resource.
    pub(crate) fn accepted(&self, uri: &str, era: Era) {
        if let Some(topic) = self.lock().by_uri.get(uri) {
            topic.accepted(era);
        }
    }

    /// The server has accepted one subscription to these resources.
    pub(super) fn acknowledge(&self, uris: &[String]) {
        self.acknowledged.send_replace(uris.into());
    }

    /// Receives each acknowledgment from now on.
    pub(crate) fn acknowledgments(&self) -> watch::Receiver<Arc<[String]>> {
        self.acknowledged.subscribe()
    }

    /// The session with the subscriptions is lost.
    pub(crate) fn lost(&self) {
        self.lock().by_uri.values().for_each(Topic::lost);
    }

    /// Reports to the subscribers that the lost subscriptions are not made again for now.
    pub(crate) fn report_loss(&self) {
        self.lock().by_uri.values().for_each(Topic::report_loss);
    }

    /// Delivers that a resource has changed: to its subscribers, and to those of resources above it.
    pub(super) fn deliver(&self, uri: &str) {
        let topics = self.lock();
        for (subscribed, topic) in &topics.by_uri {
            if covers(subscribed, uri) {
                topic.deliver(ResourceUpdate::Changed {
                    uri: uri.to_owned(),
                });
            }
        }
    }

    /// Ends the subscription to a resource for good.
    pub(crate) fn fail(&self, uri: &str, error: CallError) {
        let topic = self.lock().by_uri.remove(uri);
        if let Some(topic) = topic {
            topic.end(Some(error));
            self.changed.send_replace(());
        }
    }

    /// True while a subscription was never made.
    pub(crate) fn has_pending(&self) -> bool {
        self.lock().by_uri.values().any(Topic::is_pending)
    }

    /// Ends those subscriptions that were never made. Returns whether there was one.
    pub(crate) fn fail_pending(&self, error: &CallError) -> bool {
        self.end_those(Topic::is_pending, Some(error))
    }

    /// Ends all subscriptions: for this reason, or since the pool or its user wants it.
    pub(crate) fn end(&self, error: Option<&CallError>) {
        self.end_those(|_| true, error);
    }

    fn end_those(&self, is_it: impl Fn(&Topic) -> bool, error: Option<&CallError>) -> bool {
        let mut topics = self.lock();
        let (ended, left): (Vec<_>, Vec<_>) = std::mem::take(&mut topics.by_uri)
            .into_iter()
            .partition(|(_, topic)| is_it(topic));
        topics.by_uri = left.into_iter().collect();
        drop(topics);
        let is_any = !ended.is_empty();
        for (_, topic) in ended {
            topic.end(error.cloned());
        }
        if is_any {
            self.changed.send_replace(());
        }
        is_any
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topics {
    fn join(&mut self, uri: Arc<str>) -> TopicPlace {
        let next = &mut self.next_number;
        let topic = self.by_uri.entry(Arc::clone(&uri)).or_insert_with(|| {
            *next += 1;
            Topic::new(*next)
        });
        topic.subscribers += 1;
        TopicPlace {
            uri,
            number: topic.number,
            receiver: topic.receiver(),
        }
    }
}

/// Whether a change of `uri` is one of the subscribed resource, or of one below it (revision
/// 2025-11-25, schema, `ResourceUpdatedNotificationParams`).
fn covers(subscribed: &str, uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix(subscribed) else {
        return false;
    };
    rest.is_empty() || subscribed.ends_with('/') || rest.starts_with(['/', '?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_the_resource_and_those_above_it() {
        for (subscribed, uri, expected) in [
            ("file:///a", "file:///a", true),
            ("file:///a", "file:///a/b", true),
            ("file:///a/", "file:///a/b", true),
            ("file:///a", "file:///a#part", true),
            ("file:///a", "file:///a?query", true),
            ("file:///a", "file:///ab", false),
            ("file:///a/b", "file:///a", false),
            ("file:///b", "file:///a", false),
        ] {
            assert_eq!(covers(subscribed, uri), expected, "{subscribed} {uri}");
        }
    }

    fn number(place: Result<TopicPlace, SubscriptionError>) -> u64 {
        place.map(|place| place.number).expect("a place")
    }

    #[test]
    fn the_first_subscriber_adds_a_resource_and_the_last_one_removes_it() {
        let subscriptions = KeySubscriptions::new();
        let mut changes = subscriptions.changes();
        let first = number(subscriptions.join("a", 1));
        let second = number(subscriptions.join("a", 1));
        assert!(changes.has_changed().expect("a sender"));
        changes.mark_unchanged();
        let error = subscriptions.join("b", 1).err();
        assert_eq!(error, Some(SubscriptionError::TooMany(1)));
        subscriptions.leave("a", first);
        assert!(!changes.has_changed().expect("a sender"));
        assert_eq!(subscriptions.wanted().len(), 1);
        subscriptions.leave("a", second);
        assert!(changes.has_changed().expect("a sender"));
        assert!(subscriptions.is_unused());
    }

    #[test]
    fn a_subscriber_of_an_ended_subscription_leaves_no_later_one() {
        let subscriptions = KeySubscriptions::new();
        let old = number(subscriptions.join("a", 0));
        subscriptions.end(None);
        let new = number(subscriptions.join("a", 0));
        subscriptions.leave("a", old);
        assert!(!subscriptions.is_unused());
        subscriptions.leave("a", new);
        assert!(subscriptions.is_unused());
    }
}
