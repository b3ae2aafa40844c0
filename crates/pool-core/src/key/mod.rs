//! One key: its sessions, its waiters, and the guards of its slots.

mod effects;
mod job;
mod key_pool;
mod key_spares;
mod key_upkeep;
mod key_views;
mod key_waiting;
mod map;
mod runner;
mod seeking;
mod services;
mod session;
mod slot_guard;
mod slots;
mod subscriptions;
mod sync;

pub(crate) use effects::Effects;
pub(crate) use job::{Job, JobSender};
pub(crate) use key_pool::{KeyPool, NewKey, slots_by_era};
pub(crate) use key_waiting::Admission;
pub(crate) use map::{KeyMap, KeyPlace};
pub(crate) use runner::{ConnectStarter, run, run_with};
pub(crate) use seeking::{
    KeyQuotas, Requester, Reservation, SessionCell, SessionGrant, SessionPermit, SessionSeeker,
    Waiter,
};
pub(crate) use services::{KeyServices, background, reclaim_reason_of_quota};
pub(crate) use session::{
    DetectedSession, Ending, NewSession, OpenSessions, PooledSession, SessionSlot,
};
pub(crate) use slot_guard::SlotGuard;
pub(crate) use slots::{Blame, Counts, Fate, NewWaiter, QueuePosition, Ticket};
pub(crate) use subscriptions::{KeySubscriptions, Subscriber, SubscriptionRegistry};
