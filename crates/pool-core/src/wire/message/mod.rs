//! JSON-RPC messages: their ids, how they are written and how they are read.

mod answer;
mod encode;
mod incoming;
mod named_ids;
mod repair;
mod repair_part;
mod request_ids;

pub use answer::{Answer, Reading, ResultKind};
pub use encode::{ClientContext, encode_message, encode_request};
pub use incoming::{Incoming, IncomingKind, read_messages};
pub use named_ids::{malformed_answers, named_ids};
pub use request_ids::RequestIds;
pub(crate) use request_ids::progress_token;
