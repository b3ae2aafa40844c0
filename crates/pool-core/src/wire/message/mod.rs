//! JSON-RPC messages: their ids, how they are written and how they are read.

mod answer;
mod encode;
mod incoming;
mod repair;
mod repair_part;
mod request_ids;

pub use answer::{Answer, Reading, ResultKind};
pub use encode::{ClientContext, encode_request};
pub use incoming::{Incoming, IncomingKind, read_messages};
pub use request_ids::RequestIds;
pub(crate) use request_ids::progress_token;
