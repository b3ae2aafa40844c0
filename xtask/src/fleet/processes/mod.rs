//! The processes of the run.

mod clock;
mod gateway;
mod redis;
mod replica;
mod waiting;

pub(super) use clock::FalseClock;
pub(super) use gateway::{Call, Job};
pub(crate) use gateway::{Options as GatewayOptions, serve};
pub(super) use redis::Redis;
pub(crate) use replica::signal;
pub(super) use replica::{Called, Replica};
