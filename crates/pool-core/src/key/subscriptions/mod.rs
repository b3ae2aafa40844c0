//! The resources that the callers of a key are subscribed to.

mod key_subscriptions;
mod registry;
mod subscriber;
mod topic;

pub(crate) use key_subscriptions::KeySubscriptions;
pub(crate) use registry::SubscriptionRegistry;
pub(crate) use subscriber::Subscriber;
