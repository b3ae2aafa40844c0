//! What the requests of one session share.

mod cookie;
mod http_session;
mod jar;

pub use cookie::SessionCookie;
pub use http_session::HttpSession;
