//! From a text to its settings.

mod format;
mod node;
mod oauth;
mod overrides;
mod pool;
mod reference;
mod upstreams;

pub use format::Format;
pub(crate) use oauth::read_oauth;
pub(crate) use overrides::override_upstreams;
pub(crate) use pool::pool_settings;
pub(crate) use upstreams::read_upstreams;
