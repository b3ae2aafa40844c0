//! One key: its sessions, its waiters, and the guards of its slots.

mod effects;
mod job;
mod key_pool;
mod key_upkeep;
mod key_views;
mod map;
mod next_sweep;
mod runner;
mod services;
mod session;
mod slot_guard;
mod slots;
mod sync;
mod waiter;

pub(crate) use effects::Effects;
pub(crate) use job::{Job, JobSender};
pub(crate) use key_pool::{Admission, KeyPool, NewKey, slots_by_era};
pub(crate) use map::KeyMap;
pub(crate) use runner::{ConnectStarter, run, run_with};
pub(crate) use services::KeyServices;
pub(crate) use session::{DetectedSession, NewSession, OpenSessions, PooledSession};
pub(crate) use slot_guard::SlotGuard;
pub(crate) use slots::{Blame, Counts, Fate, QueuePosition};
pub(crate) use waiter::{Grant, Waiter};
