//! TODO.

mod call;
mod spans;
mod waiting;

pub(crate) use call::{CallTrace, Target};
pub(crate) use spans::{
    acquire, check, close, note_acquired, note_closed, note_error, note_session, open, wait,
};
pub(crate) use waiting::WaitTrace;
