//! A session that goes on in another process: the size of its record, and what its revival takes.

mod one_record;
mod process;
mod server;

pub(crate) use process::{Options as ReviveOptions, revive};
pub(super) use server::{RevivalFigures, measure, revival_lines};
