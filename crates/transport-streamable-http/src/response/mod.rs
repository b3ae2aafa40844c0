//! Reading of responses.

mod content;
mod refusal;
mod sent;

pub(crate) use content::is_event_stream;
pub(crate) use refusal::{read_refusal, refusal_of};
pub(crate) use sent::SentRequest;
