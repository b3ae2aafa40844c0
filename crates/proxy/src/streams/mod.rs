//! Streams that end when the gateway shuts down.

mod body;
mod layer;

pub use body::EndingBody;
pub use layer::{StreamLayer, StreamService};
