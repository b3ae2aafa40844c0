//! The spans of a pool.

mod call;
mod record;
mod spans;
mod waiting;

pub(crate) use call::{CallTrace, Target};
pub(crate) use record::{note_error, note_session};
pub(crate) use spans::{
    acquire, check, close, is_any_recorded, note_acquired, note_closed, open, wait,
};
pub(crate) use waiting::WaitTrace;
