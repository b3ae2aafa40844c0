//! JSON-RPC messages: their ids, how they are written and how they are read.

mod answer;
mod encode;
mod incoming;
mod request_ids;

pub use answer::{Answer, ResultKind};
pub use encode::{ClientContext, encode_request};
pub use incoming::{Incoming, IncomingKind, read_messages};
pub use request_ids::RequestIds;
pub(crate) use request_ids::progress_token;
