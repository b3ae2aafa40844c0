//! Reading of responses.

mod content;
mod no_stream;
mod refusal;
mod revision;
mod sent;

pub(crate) use content::is_event_stream;
pub(crate) use no_stream::{NoStream, stream_in};
pub(crate) use refusal::{read_refusal, refusal_of};
pub(crate) use revision::refused_revision;
pub(crate) use sent::SentRequest;
